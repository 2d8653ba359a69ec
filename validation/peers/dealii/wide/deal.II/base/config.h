// Found before the header of that name in Debian's package: takes that one and widens
// VectorizedArray for the code compiled here. The library in the package stays as it is.
#include_next <deal.II/base/config.h>
#ifndef ritz_peers_wide_config_h
#define ritz_peers_wide_config_h
#undef DEAL_II_VECTORIZATION_WIDTH_IN_BITS
#define DEAL_II_VECTORIZATION_WIDTH_IN_BITS PEER_WIDTH
#undef DEAL_II_COMPILER_VECTORIZATION_LEVEL
#if PEER_WIDTH == 512
#define DEAL_II_COMPILER_VECTORIZATION_LEVEL 3
#else
#define DEAL_II_COMPILER_VECTORIZATION_LEVEL 2
#endif
#endif
