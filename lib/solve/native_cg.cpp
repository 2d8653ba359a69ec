#include "native_cg.hpp"

#include <cmath>
#include <optional>

#include "preconditioners.hpp"
#include "ritz/comm/pending_sum.hpp"
#include "ritz/la/hooked_operator.hpp"
#include "stopping.hpp"

namespace ritz::solve {

namespace {

using device::ExecutionSpace;
using Stop = KrylovResult::Stop;

/// As in room la: sums are formed block by block, and the blocks are added in order.
constexpr std::size_t block_size = 1024;

/// The sums of an iteration, before its step. u = M^-1 r, w = A u; s = A p of the last step.
enum Sum { ru, uw, us, rr, rw, rs, ww, ws, ss, n_sums };
using Sums = std::array<double, n_sums>;

// Below, `u` may be the same memory as `r` (no preconditioner): then it is read before r is
// written, and the loops may not be told that the two differ.

/// r u, u w, ... of [begin, end) into `sums`.
KOKKOS_INLINE_FUNCTION void sum_block(const double* r, const double* u, const double* w,
                                      const double* s, std::size_t begin, std::size_t end,
                                      double* sums) {
  double ru_ = 0, uw_ = 0, us_ = 0, rr_ = 0, rw_ = 0, rs_ = 0, ww_ = 0, ws_ = 0, ss_ = 0;
#pragma omp simd reduction(+ : ru_, uw_, us_, rr_, rw_, rs_, ww_, ws_, ss_)
  for (std::size_t i = begin; i < end; ++i) {
    ru_ += r[i] * u[i];
    uw_ += u[i] * w[i];
    us_ += u[i] * s[i];
    rr_ += r[i] * r[i];
    rw_ += r[i] * w[i];
    rs_ += r[i] * s[i];
    ww_ += w[i] * w[i];
    ws_ += w[i] * s[i];
    ss_ += s[i] * s[i];
  }
  sums[ru] = ru_;
  sums[uw] = uw_;
  sums[us] = us_;
  sums[rr] = rr_;
  sums[rw] = rw_;
  sums[rs] = rs_;
  sums[ww] = ww_;
  sums[ws] = ws_;
  sums[ss] = ss_;
}

/// The sums of an iteration whose vector work is done in the operator; d the diagonal, q = A p.
enum MergedSum { m_pq, m_rr, m_rq, m_qq, m_rdr, m_rdq, m_qdq, n_merged };
constexpr LocalId hook_block = la::HookedOperator::hook_block;

class Blocks {
 public:
  Blocks(const comm::Communicator& communicator, std::size_t n, CgWork& work)
      : communicator_(communicator), n_(n), n_blocks_((n + block_size - 1) / block_size) {
    const std::size_t n_parts = n_blocks_ * n_sums;
    if (work.block_sums.extent(0) != n_parts || !work.block_sums.data()) {
      work.block_sums = device::View<double*>("ritz::cg::sums", n_parts);
      work.host_sums = Kokkos::create_mirror_view(work.block_sums);
    }
    parts_ = work.block_sums;
    host_ = work.host_sums;
  }

  /// work(begin, end, parts) for every block. Labels stay short: longer ones are allocated.
  template <class Work>
  void for_each(const char* label, const Work& work) const {
    const std::size_t n = n_;
    double* const parts = parts_.data();
    Kokkos::parallel_for(
        label, Kokkos::RangePolicy<ExecutionSpace>(0, n_blocks_),
        KOKKOS_LAMBDA(const std::size_t b) {
          const std::size_t begin = b * block_size;
          work(begin, begin + block_size < n ? begin + block_size : n, parts + b * n_sums);
        });
  }

  /// The blocks' first `n` sums added in order, of this rank.
  void gather(double* sums, std::size_t n = n_sums) const {
    Kokkos::deep_copy(host_, parts_);  // waits for the loops
    for (std::size_t k = 0; k < n; ++k) sums[k] = 0;
    for (std::size_t b = 0; b < n_blocks_; ++b)
      for (std::size_t k = 0; k < n; ++k) sums[k] += host_(b * n_sums + k);
  }

  /// sum of term(i) over all ranks. Collective.
  template <class Term>
  [[nodiscard]] double sum(const char* label, const Term& term) const {
    for_each(
        label, KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double* parts) {
          double total = 0;
#pragma omp simd reduction(+ : total)
          for (std::size_t i = begin; i < end; ++i) total += term(i);
          parts[0] = total;
        });
    double total = 0;
    gather(&total, 1);
    return communicator_.sum(total);
  }

 private:
  const comm::Communicator& communicator_;
  std::size_t n_, n_blocks_;
  device::View<double*> parts_;
  device::HostView<double*> host_;
};

/// Step lengths from the sums.
struct Step {
  double alpha = 0, beta = 0;
  double p_ap = 0;                                 ///< of the new direction
  double next_rr = 0;                              ///< ||r||^2 after the step
  bool doubtful_pap = false, doubtful_rr = false;  ///< too much cancelled: form it again
};

/// The next step; `last` is the one before or nothing.
Step next_step(const Sums& a, const Step* last, double last_ru, bool flexible) {
  Step step;
  // p = u + beta p_last. Conjugate to p_last: beta = -u.s / p_last.s; with a linear preconditioner
  // this is r.u / last r.u, which has less round-off in it.
  if (last) step.beta = flexible ? -a[us] / last->p_ap : a[ru] / last_ru;
  const double last_pap = last ? last->p_ap : 0.0;
  step.p_ap = a[uw] + step.beta * (2 * a[us] + step.beta * last_pap);
  step.doubtful_pap = !(step.p_ap > 1e-8 * std::abs(a[uw]));
  step.alpha = a[ru] / step.p_ap;
  const double s_s = a[ww] + step.beta * (2 * a[ws] + step.beta * a[ss]);
  const double r_s = a[rw] + step.beta * a[rs];
  const double size = a[rr] + step.alpha * step.alpha * s_s;
  step.next_rr = a[rr] - 2 * step.alpha * r_s + step.alpha * step.alpha * s_s;
  // Seven digits of it are enough for history and target.
  step.doubtful_rr = !(step.next_rr > 1e-8 * size);
  return step;
}

/// Everything public: device lambdas may not stand in private functions.
struct NativeCg {
  NativeCg(const la::Operator& op, const la::Preconditioner* preconditioner, const la::Vector& rhs,
           const la::Vector& x, const KrylovOptions& options, bool flexible, const Monitor& monitor,
           CgWork& work)
      : op_(op),
        preconditioner_(preconditioner),
        rhs_(rhs),
        x_(x),
        options_(options),
        flexible_(flexible),
        diagonal_(dynamic_cast<const DiagonalPreconditioner*>(preconditioner)),
        hooked_(options.method == "cg" && (!preconditioner || diagonal_)
                    ? dynamic_cast<const la::HookedOperator*>(&op)
                    : nullptr),
        monitor_(monitor),
        communicator_(op.layout().communicator),
        n_(op.layout().n_owned),
        work_(prepare(work)),
        blocks_(communicator_, static_cast<std::size_t>(n_), work) {}

  KrylovResult run() {
    if (!work_.holds_residual) {
      op_.apply(x_, work_.r);
      residual_from_product();
    }
    const double first = std::sqrt(sum_rr());
    StoppingRule rule(options_, monitor_, first, [this] { return x_; });
    if (first <= options_.target || !std::isfinite(first)) {
      rule.look(0, first);
      return rule.result();
    }
    if (rule.look(0, first)) return rule.result();
    if (options_.method == "pipelined-cg") return pipelined(rule);
    return hooked_ ? merged(rule) : plain(rule);
  }

  CgWork& prepare(CgWork& work) const {
    const auto make = [&](la::Vector& v) {
      if (v.extent(0) != static_cast<std::size_t>(n_) || !v.data())
        v = la::make_vector("ritz::solve::cg", n_);
    };
    for (la::Vector* v : {&work.r, &work.w, &work.p}) make(*v);
    if (hooked_) {
      // A number for each sum and block of the hooks, which may come in any order.
      const auto n_parts = static_cast<std::size_t>((n_ + hook_block - 1) / hook_block) * n_merged;
      if (work.hook_sums.size() != n_parts) work.hook_sums.assign(n_parts, 0.0);
      return work;
    }
    make(work.s);
    if (preconditioner_) make(work.u);
    if (options_.method == "pipelined-cg") {
      make(work.n);
      if (preconditioner_)
        for (la::Vector* v : {&work.m, &work.q}) make(*v);
      make(work.z);
    }
    return work;
  }

  /// r = b - r, where r holds A x.
  void residual_from_product() {
    const double* const b = rhs_.data();
    double* const r = work_.r.data();
    blocks_.for_each(
        "ritz::cg::r", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double*) {
#pragma omp simd
          for (std::size_t i = begin; i < end; ++i) r[i] = b[i] - r[i];
        });
  }

  double sum_rr() {
    const double* const r = work_.r.data();
    return blocks_.sum(
        "ritz::cg::rr", KOKKOS_LAMBDA(std::size_t i) { return r[i] * r[i]; });
  }

  /// M^-1 r, or r itself.
  [[nodiscard]] const la::Vector& preconditioned() const {
    if (!preconditioner_) return work_.r;
    preconditioner_->apply(work_.r, work_.u);
    return work_.u;
  }

  /// What the sums say about matrix and preconditioner; empty: nothing against a step.
  [[nodiscard]] std::optional<KrylovResult> refused(const Sums& a, const StoppingRule& rule) const {
    // Not true for NaN, which the stopping rule finds.
    if (a[ru] <= 0 && a[rr] > 0) return negative_preconditioner(rule);
    return {};
  }
  [[nodiscard]] static KrylovResult negative_preconditioner(const StoppingRule& rule) {
    return {Stop::indefinite, rule.iterations(),
            "cg met a residual r with r.Mr <= 0: the preconditioner is not positive definite"};
  }
  [[nodiscard]] static KrylovResult negative(const StoppingRule& rule) {
    return {Stop::indefinite, rule.iterations(),
            "cg met a direction p with p.Ap <= 0: the matrix or the preconditioner is not positive "
            "definite"};
  }

  KrylovResult plain(StoppingRule& rule) {
    // The first direction is u itself: beta = 0 must not meet numbers of an earlier call.
    la::fill(work_.p, 0.0);
    la::fill(work_.s, 0.0);
    Sums a{};
    Step last;
    double last_ru = 0;
    bool has_last = false;
    while (true) {
      const la::Vector& u = preconditioned();
      op_.apply(u, work_.w);
      {
        const double *const pr = work_.r.data(), *const pu = u.data(), *const pw = work_.w.data(),
                            *const ps = work_.s.data();
        blocks_.for_each(
            "ritz::cg::sums", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double* parts) {
              sum_block(pr, pu, pw, ps, begin, end, parts);
            });
      }
      blocks_.gather(a.data());
      communicator_.all_reduce(std::span<double>(a), comm::Op::sum);
      if (auto result = refused(a, rule)) return *result;
      Step step = next_step(a, has_last ? &last : nullptr, last_ru, flexible_);
      if (step.doubtful_pap && !form_again(u, a, step)) return negative(rule);
      update(u, step);
      const double rr_now = step.doubtful_rr ? sum_rr() : step.next_rr;
      if (rule.look(rule.iterations() + 1, std::sqrt(rr_now))) return rule.result();
      last = step;
      last_ru = a[ru];
      has_last = true;
    }
  }

  /// p.Ap from the new direction itself, where its sums cancelled: rare, and one more sum over the
  /// ranks. False if it is negative (or zero); NaN passes and ends in the residual.
  bool form_again(const la::Vector& u_vector, const Sums& a, Step& step) {
    const double *const u = u_vector.data(), *const w = work_.w.data(), *const p = work_.p.data(),
                        *const s = work_.s.data();
    const double beta = step.beta;
    step.p_ap = blocks_.sum(
        "ritz::cg::ps",
        KOKKOS_LAMBDA(std::size_t i) { return (u[i] + beta * p[i]) * (w[i] + beta * s[i]); });
    step.alpha = a[ru] / step.p_ap;
    step.doubtful_rr = true;
    return !(step.p_ap <= 0);
  }

  /// p = u + beta p, s = w + beta s, x += alpha p, r -= alpha s.
  void update(const la::Vector& u_vector, const Step& step) {
    const double *const u = u_vector.data(), *const w = work_.w.data();
    double *const p = work_.p.data(), *const s = work_.s.data();
    double *const x = x_.data(), *const r = work_.r.data();
    const double alpha = step.alpha, beta = step.beta;
    // Entry by entry, so u may be r.
    blocks_.for_each(
        "ritz::cg::step", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double*) {
#pragma omp simd
          for (std::size_t i = begin; i < end; ++i) {
            const double new_p = u[i] + beta * p[i];
            const double new_s = w[i] + beta * s[i];
            p[i] = new_p;
            s[i] = new_s;
            x[i] += alpha * new_p;
            r[i] -= alpha * new_s;
          }
        });
  }

  /// cg with its vectors updated before the operator reads them and summed after it has written.
  KrylovResult merged(StoppingRule& rule) {
    double alpha = 0, beta = 0;
    const double* const d = diagonal_ ? diagonal_->factors().data() : nullptr;
    double *const x = x_.data(), *const r = work_.r.data(), *const p = work_.p.data(),
                  *const q = work_.w.data();
    double* const parts = work_.hook_sums.data();
    la::fill(work_.p, 0.0);
    la::fill(work_.w, 0.0);
    const la::HookedOperator::Hook before = [&](LocalId begin, LocalId end) {
      const double a = alpha, b = beta;
      if (d) {
#pragma omp simd
        for (LocalId i = begin; i < end; ++i) {
          x[i] += a * p[i];
          r[i] -= a * q[i];
          p[i] = d[i] * r[i] + b * p[i];
        }
      } else {
#pragma omp simd
        for (LocalId i = begin; i < end; ++i) {
          x[i] += a * p[i];
          r[i] -= a * q[i];
          p[i] = r[i] + b * p[i];
        }
      }
    };
    const la::HookedOperator::Hook after = [&](LocalId begin, LocalId end) {
      for (LocalId from = begin; from < end; from += hook_block) {
        const LocalId to = std::min<LocalId>(from + hook_block, end);
        double pq = 0, rr_ = 0, rq = 0, qq = 0, rdr = 0, rdq = 0, qdq = 0;
        if (d) {
#pragma omp simd reduction(+ : pq, rr_, rq, qq, rdr, rdq, qdq)
          for (LocalId i = from; i < to; ++i) {
            pq += p[i] * q[i];
            rr_ += r[i] * r[i];
            rq += r[i] * q[i];
            qq += q[i] * q[i];
            rdr += r[i] * (d[i] * r[i]);
            rdq += r[i] * (d[i] * q[i]);
            qdq += q[i] * (d[i] * q[i]);
          }
        } else {
#pragma omp simd reduction(+ : pq, rr_, rq, qq)
          for (LocalId i = from; i < to; ++i) {
            pq += p[i] * q[i];
            rr_ += r[i] * r[i];
            rq += r[i] * q[i];
            qq += q[i] * q[i];
          }
          rdr = rr_;
          rdq = rq;
          qdq = qq;
        }
        double* const part = parts + static_cast<std::size_t>(from / hook_block) * n_merged;
        part[m_pq] = pq;
        part[m_rr] = rr_;
        part[m_rq] = rq;
        part[m_qq] = qq;
        part[m_rdr] = rdr;
        part[m_rdq] = rdq;
        part[m_qdq] = qdq;
      }
    };
    while (true) {
      hooked_->apply_with(work_.p, work_.w, before, after);
      std::array<double, n_merged> a{};
      for (std::size_t b = 0; b < work_.hook_sums.size(); b += n_merged)
        for (std::size_t k = 0; k < n_merged; ++k) a[k] += parts[b + k];
      communicator_.all_reduce(std::span<double>(a), comm::Op::sum);
      if (a[m_rdr] <= 0 && a[m_rr] > 0) return negative_preconditioner(rule);
      if (a[m_pq] <= 0) {
        // The x of the step before is complete, this step is not taken.
        return negative(rule);
      }
      alpha = a[m_rdr] / a[m_pq];
      const auto stepped = [&](MergedSum one, MergedSum mixed, MergedSum two) {
        return a[one] - 2 * alpha * a[mixed] + alpha * alpha * a[two];
      };
      std::array<double, 2> next{stepped(m_rr, m_rq, m_qq), stepped(m_rdr, m_rdq, m_qdq)};
      if (!(next[0] > 1e-8 * (a[m_rr] + alpha * alpha * a[m_qq])) ||
          !(next[1] > 1e-8 * (a[m_rdr] + alpha * alpha * a[m_qdq]))) {
        // Too much cancelled: from the vector itself.
        const double step = alpha;
        next[0] = blocks_.sum(
            "ritz::cg::rr", KOKKOS_LAMBDA(std::size_t i) {
              const double e = r[i] - step * q[i];
              return e * e;
            });
        next[1] = blocks_.sum(
            "ritz::cg::rdr", KOKKOS_LAMBDA(std::size_t i) {
              const double e = r[i] - step * q[i];
              return d ? e * d[i] * e : e * e;
            });
      }
      beta = next[1] / a[m_rdr];
      if (rule.look(rule.iterations() + 1, std::sqrt(next[0]))) {
        la::axpby(alpha, work_.p, 1.0, x_);
        return rule.result();
      }
    }
  }

  KrylovResult pipelined(StoppingRule& rule) {
    const bool has_m = preconditioner_ != nullptr;
    for (const la::Vector* v : {&work_.p, &work_.s, &work_.z}) la::fill(*v, 0.0);
    if (has_m) la::fill(work_.q, 0.0);
    // Without preconditioner u is r, m is w and q is s.
    const la::Vector u_vector = preconditioned();
    op_.apply(u_vector, work_.w);
    Sums a{};
    {
      const double *const pr = work_.r.data(), *const pu = u_vector.data(),
                          *const pw = work_.w.data(), *const ps = work_.s.data();
      blocks_.for_each(
          "ritz::cg::sums", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double* parts) {
            sum_block(pr, pu, pw, ps, begin, end, parts);
          });
    }
    Step last;
    double last_ru = 0;
    bool has_last = false;
    while (true) {
      blocks_.gather(a.data());
      comm::PendingSum pending(communicator_, a);
      if (has_m) preconditioner_->apply(work_.w, work_.m);
      const la::Vector& m_vector = has_m ? work_.m : work_.w;
      op_.apply(m_vector, work_.n);
      pending.wait();
      if (auto result = refused(a, rule)) return *result;
      Step step = next_step(a, has_last ? &last : nullptr, last_ru, false);
      if (step.doubtful_pap && !form_again(u_vector, a, step)) return negative(rule);
      const double alpha = step.alpha, beta = step.beta;
      double *const x = x_.data(), *const r = work_.r.data(), *const w = work_.w.data(),
                    *const p = work_.p.data(), *const s = work_.s.data(), *const z = work_.z.data();
      const double* const n = work_.n.data();
      if (has_m) {
        double *const u = work_.u.data(), *const q = work_.q.data();
        const double* const m = work_.m.data();
        blocks_.for_each(
            "ritz::cg::step", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double* parts) {
#pragma omp simd
              for (std::size_t i = begin; i < end; ++i) {
                z[i] = n[i] + beta * z[i];
                q[i] = m[i] + beta * q[i];
                s[i] = w[i] + beta * s[i];
                p[i] = u[i] + beta * p[i];
                x[i] += alpha * p[i];
                r[i] -= alpha * s[i];
                u[i] -= alpha * q[i];
                w[i] -= alpha * z[i];
              }
              sum_block(r, u, w, s, begin, end, parts);
            });
      } else {
        blocks_.for_each(
            "ritz::cg::step", KOKKOS_LAMBDA(std::size_t begin, std::size_t end, double* parts) {
#pragma omp simd
              for (std::size_t i = begin; i < end; ++i) {
                z[i] = n[i] + beta * z[i];
                s[i] = w[i] + beta * s[i];
                p[i] = r[i] + beta * p[i];
                x[i] += alpha * p[i];
                r[i] -= alpha * s[i];
                w[i] -= alpha * z[i];
              }
              sum_block(r, r, w, s, begin, end, parts);
            });
      }
      double rr_now = step.next_rr;
      if (step.doubtful_rr) {
        double local[n_sums];
        blocks_.gather(local);
        rr_now = communicator_.sum(local[rr]);
      }
      if (rule.look(rule.iterations() + 1, std::sqrt(rr_now))) return rule.result();
      last = step;
      last_ru = a[ru];
      has_last = true;
    }
  }

  const la::Operator& op_;
  const la::Preconditioner* preconditioner_;
  const la::Vector& rhs_;
  const la::Vector& x_;
  const KrylovOptions& options_;
  bool flexible_;
  const DiagonalPreconditioner* diagonal_;
  const la::HookedOperator* hooked_;  ///< all vector work goes into it
  const Monitor& monitor_;
  const comm::Communicator& communicator_;
  LocalId n_;
  CgWork& work_;
  Blocks blocks_;
};

}  // namespace

KrylovResult native_cg(const la::Operator& op, const la::Preconditioner* preconditioner,
                       const la::Vector& rhs, const la::Vector& x, const KrylovOptions& options,
                       bool flexible, const Monitor& monitor, CgWork& work) {
  return NativeCg(op, preconditioner, rhs, x, options, flexible, monitor, work).run();
}

}  // namespace ritz::solve
