#pragma once

#include <vector>

#include "krylov.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::solve {

/// Vectors of native_cg(), made by the first call and used again by later ones of the same layout.
struct CgWork {
  la::Vector r, u, w, p, s;             ///< [n_owned]
  la::Vector m, n, z, q;                ///< [n_owned], pipelined-cg only
  device::View<double*> block_sums;     ///< [number of blocks * number of sums]
  device::HostView<double*> host_sums;  ///< the same on the host
  std::vector<double> hook_sums;        ///< the same of blocks inside the operator
  bool holds_residual = false;          ///< r is b - A x when native_cg() is called
};

/// Conjugate gradients with one sum over the ranks an iteration; iterates on x from its present
/// value. The results have the same bits for every number of threads.
///
/// method "cg": the sums that an iteration needs are formed together after A M^-1 r (Chronopoulos
/// and Gear, J. Comput. Appl. Math. 25, 1989, 153). With `flexible` the new direction is made
/// conjugate to the last one explicitly, which is the beta of Polak and Ribiere (Notay, SIAM J.
/// Sci. Comput. 22, 2000, 1444) and needs neither a linear nor an exact preconditioner.
///
/// method "pipelined-cg": the sum goes on while preconditioner and operator are applied (Ghysels
/// and Vanroose, Parallel Computing 40, 2014, 224); for a linear preconditioner.
///
/// With an operator that takes hooks and no preconditioner but a diagonal, "cg" does all its vector
/// work inside the operator (Kronbichler, Sashko and Munch, arXiv:2205.08909): the updates before a
/// range is read, the sums after it is written.
///
/// Bytes moved an unknown and iteration beside operator and preconditioner: cg 32 for the sums and
/// 80 for the updates, pipelined-cg 144 for both; inside the operator 48, 72 with the operator's
/// own vectors.
///
/// The residual after a step follows from sums formed before it, so that no preconditioner is
/// applied in vain at the end. Collective. No allocation after the first call with `work`, unless
/// operator, preconditioner or monitor allocate.
KrylovResult native_cg(const la::Operator& op, const la::Preconditioner* preconditioner,
                       const la::Vector& rhs, const la::Vector& x, const KrylovOptions& options,
                       bool flexible, const Monitor& monitor, CgWork& work);

}  // namespace ritz::solve
