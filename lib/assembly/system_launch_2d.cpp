#include "system_launch_impl.hpp"

namespace ritz::assembly {

template void launch_system_cells<2>(const SystemAssembler::Plan&, const SystemData&,
                                     const TermsView&, const SystemTable&, bool);
template void launch_system_simplices<2>(const SystemAssembler::Plan&, const SystemData&,
                                         const TermsView&);
template void launch_system_facets<2>(const SystemAssembler::Plan&, const SystemData&,
                                      const TermsView&);

}  // namespace ritz::assembly
