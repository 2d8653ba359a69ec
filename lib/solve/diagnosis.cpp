#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "plan.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::solve {

namespace {

using comm::Communicator;

/// Numbers in [-1, 1] that depend on the unknown's id only.
la::Vector noise(const la::Layout& layout, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(layout.n_owned));
  for (std::size_t i = 0; i < values.size(); ++i) {
    // splitmix64 (Steele, Lea, Flood 2014)
    std::uint64_t z =
        seed + 0x9e3779b97f4a7c15ULL * (static_cast<std::uint64_t>(layout.first) + i + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    values[i] = 2.0 * static_cast<double>(z >> 11) * 0x1p-53 - 1.0;
  }
  return device::to_device("ritz::solve::noise", values.data(), values.size());
}

/// |u.Av - v.Au| / (|u| |Av|) for fixed random u, v: zero (to round-off) for a symmetric matrix.
double asymmetry(const la::Operator& op) {
  const la::Layout& layout = op.layout();
  const Communicator& communicator = layout.communicator;
  const la::Vector u = noise(layout, 1), v = noise(layout, 2);
  const la::Vector au = la::make_vector("ritz::solve::au", layout.n_owned);
  const la::Vector av = la::make_vector("ritz::solve::av", layout.n_owned);
  op.apply(u, au);
  op.apply(v, av);
  const double scale = la::norm2(communicator, u) * la::norm2(communicator, av) +
                       la::norm2(communicator, v) * la::norm2(communicator, au);
  if (scale == 0) return 0;
  return std::abs(la::dot(communicator, u, av) - la::dot(communicator, v, au)) / scale;
}

/// The same for the pattern: every stored entry counts as one.
double structural_asymmetry(const la::Matrix& matrix) {
  la::CsrMatrix ones = matrix.rows();
  ones.values = device::View<double*>("ritz::solve::ones", matrix.rows().values.extent(0));
  Kokkos::deep_copy(ones.values, 1.0);
  return asymmetry(la::Matrix(matrix.layout(), ones));
}

struct Worst {
  double square;
  LocalId dof;
};

/// Which regions and boundaries the largest residuals lie on. Collective.
std::string worst_places(const la::Layout& layout, const Context& context,
                         const la::Vector& residual) {
  const Communicator& communicator = layout.communicator;
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), residual);
  std::vector<Worst> worst;
  double all = 0;
  for (LocalId i = 0; i < layout.n_owned; ++i) {
    const double r = host(static_cast<std::size_t>(i));
    all += r * r;
    worst.push_back({r * r, i});
  }
  all = communicator.sum(all);
  const std::size_t n_kept = std::min<std::size_t>(worst.size(), 64);
  std::partial_sort(worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(n_kept), worst.end(),
                    [](const Worst& a, const Worst& b) { return a.square > b.square; });
  worst.resize(n_kept);
  // The largest 64 of all ranks: as many as have at least this much.
  std::vector<double> mine;
  for (const Worst& one : worst) mine.push_back(one.square);
  std::vector<double> squares = communicator.gather(std::span<const double>(mine));
  std::sort(squares.rbegin(), squares.rend());
  double least = squares.size() > 64 ? squares[63] : 0.0;
  communicator.broadcast(least);
  std::string lines;
  for (const Worst& one : worst) {
    if (one.square < least || one.square == 0) continue;
    const Place place = context.place ? context.place(one.dof) : Place{};
    lines += fmt::format("{}\t{}\t{}\n", place.region, place.boundary, one.square);
  }
  const std::vector<char> gathered =
      communicator.gather(std::span<const char>(lines.data(), lines.size()));
  std::string text;
  if (communicator.is_root() && all > 0) {
    std::map<std::string, double> share;
    std::string line;
    for (char c : gathered) {
      if (c != '\n') {
        line.push_back(c);
        continue;
      }
      const std::size_t a = line.find('\t'), b = line.find('\t', a + 1);
      const std::string region = line.substr(0, a), boundary = line.substr(a + 1, b - a - 1);
      std::string where = region.empty() ? "" : "region '" + region + "'";
      if (!boundary.empty()) where += (where.empty() ? "" : ", ") + ("boundary '" + boundary + "'");
      share[where] += std::stod(line.substr(b + 1)) / all;
      line.clear();
    }
    std::vector<std::pair<double, std::string>> sorted;
    for (const auto& [where, part] : share)
      if (!where.empty()) sorted.emplace_back(part, where);
    std::sort(sorted.rbegin(), sorted.rend());
    for (std::size_t i = 0; i < std::min<std::size_t>(3, sorted.size()); ++i) {
      text +=
          fmt::format("{}{} ({:.0f} %)", i ? "; " : "", sorted[i].second, 100 * sorted[i].first);
    }
  }
  communicator.broadcast(text);
  std::string single;
  const double largest = communicator.max(worst.empty() ? 0.0 : worst.front().square);
  if (!worst.empty() && worst.front().square == largest && largest > 0)
    single = place_text(layout, context, worst.front().dof);
  single = first_text(communicator, single);
  if (all > 0 && !single.empty()) {
    const std::string place = fmt::format("largest residual {} ({:.0f} % of the sum of squares)",
                                          single, 100 * largest / all);
    text = text.empty() ? place : "the residual lies in: " + text + "; " + place;
  }
  return text;
}

}  // namespace

std::string place_text(const la::Layout& layout, const Context& context, LocalId dof) {
  std::string text = fmt::format("at unknown {}", layout.first + dof);
  if (context.place) {
    const Place place = context.place(dof);
    text = fmt::format("at ({:.6g}, {:.6g}, {:.6g})", place.at[0], place.at[1], place.at[2]);
    if (!place.region.empty()) text += fmt::format(", region '{}'", place.region);
    if (!place.boundary.empty()) text += fmt::format(", boundary '{}'", place.boundary);
  }
  return text;
}

std::string first_text(const Communicator& communicator, const std::string& text) {
  const int who = communicator.min(text.empty() ? communicator.size() : communicator.rank());
  std::string result = text;
  if (who < communicator.size()) communicator.broadcast(result, who);
  return result;
}

void diagnose(const la::System& system, const la::Vector& x, const deck::SolverOptions& options,
              const Context& context, Report& report) {
  const la::Operator& op = *system.op;
  const la::Layout& layout = op.layout();
  const Communicator& communicator = layout.communicator;
  auto& found = report.diagnosis;
  std::vector<std::pair<int, std::string>> advice;  // rank, text
  const Attempt& last = report.last();
  const auto n_rows = static_cast<double>(layout.n_global);

  // Symmetry. Round-off of a dot product of n terms is below n eps, typically sqrt(n) eps.
  const double skew = asymmetry(op);
  const bool symmetric = skew < 1e-13 * std::max(10.0, std::sqrt(n_rows));
  if (!symmetric) {
    found.push_back(fmt::format("the matrix is not symmetric (random vector test {:.1e}){}", skew,
                                system.symmetric ? ", although its equation is: a defect" : ""));
    if (last.method == "cg" || last.method == "minres")
      advice.emplace_back(0, "--set solver.method=gmres --set solver.preconditioner=ilu");
  }

  if (const la::Matrix* matrix = op.matrix()) {
    if (structural_asymmetry(*matrix) > 1e-13 * std::max(10.0, std::sqrt(n_rows)))
      found.push_back("the pattern of the matrix is not symmetric");

    const la::Vector diagonal_view = la::make_vector("ritz::solve::diagonal", layout.n_owned);
    matrix->diagonal(diagonal_view);
    const auto diagonal = Kokkos::create_mirror_view_and_copy(device::HostSpace(), diagonal_view);
    const auto is_fixed = Kokkos::create_mirror_view_and_copy(device::HostSpace(), system.is_fixed);
    double largest = 0;
    for (std::size_t i = 0; i < diagonal.extent(0); ++i)
      largest = std::max(largest, std::abs(diagonal(i)));
    largest = communicator.max(largest);
    GlobalId n_zero = 0, n_negative = 0;
    LocalId first_zero = -1, first_negative = -1;
    double smallest = std::numeric_limits<double>::max();
    LocalId smallest_at = -1;
    for (LocalId i = 0; i < layout.n_owned; ++i) {
      const double d = diagonal(static_cast<std::size_t>(i));
      if (std::abs(d) <= 1e-14 * largest) {
        if (n_zero++ == 0) first_zero = i;
      } else {
        if (d < 0 && n_negative++ == 0) first_negative = i;
        // Identity rows of prescribed values say nothing about the coefficients.
        const bool fixed = is_fixed.extent(0) > 0 && is_fixed(static_cast<std::size_t>(i)) != 0;
        if (!fixed && std::abs(d) < smallest) {
          smallest = std::abs(d);
          smallest_at = i;
        }
      }
    }
    const auto count_and_place = [&](GlobalId n, LocalId first, const char* what) {
      const std::string where =
          first_text(communicator, first >= 0 ? place_text(layout, context, first) : "");
      const GlobalId total = communicator.sum(n);
      if (total > 0) {
        found.push_back(fmt::format("{} rows have {} on the diagonal, the first {}",
                                    base::count_text(total), what, where));
      }
      return total;
    };
    const GlobalId zeros = count_and_place(n_zero, first_zero, "(nearly) zero");
    const GlobalId negatives = count_and_place(n_negative, first_negative, "a negative entry");
    if (zeros + negatives > 0) {
      if (symmetric)
        advice.emplace_back(1, "--set solver.method=minres --set solver.preconditioner=none");
      advice.emplace_back(2, "--set solver.preconditioner=direct");
    }
    const double least = communicator.min(smallest);
    if (largest > 0 && least < std::numeric_limits<double>::max() && largest / least > 1e6) {
      const std::string where = first_text(
          communicator,
          smallest == least && smallest_at >= 0 ? place_text(layout, context, smallest_at) : "");
      found.push_back(fmt::format(
          "the diagonal entries differ by a factor of {:.1e} (smallest {:.2e} {}): strong contrast "
          "of the coefficients or of the cell sizes",
          largest / least, least, where));
      if (last.preconditioner != "amg" && symmetric)
        advice.emplace_back(2, "--set solver.preconditioner=amg");
      advice.emplace_back(3, "--set solver.preconditioner=direct");
    }
    // Constants in the kernel.
    const la::Vector one = la::make_vector("ritz::solve::one", layout.n_owned);
    const la::Vector image = la::make_vector("ritz::solve::image", layout.n_owned);
    la::fill(one, 1.0);
    op.apply(one, image);
    if (!system.constant_null_space && la::norm_max(communicator, image) < 1e-10 * largest) {
      found.push_back(
          "constants are in the kernel of the matrix: no boundary prescribes a value, and there is "
          "no reaction or Robin term");
      advice.emplace_back(0, "prescribe a value: [[boundary]] on = [\"...\"], value = 0");
    }
  }

  // Where the residual is.
  const la::Vector residual = la::make_vector("ritz::solve::residual", layout.n_owned);
  op.apply(x, residual);
  la::axpby(1.0, system.rhs, -1.0, residual);
  const std::string where = worst_places(layout, context, residual);
  if (!where.empty()) found.push_back(where);
  if (last.amg_levels > 0) {
    found.push_back(fmt::format(
        "multigrid: {} levels, operator complexity {:.2f}{}", last.amg_levels, last.amg_complexity,
        last.amg_complexity > 2 ? " (high: set-up and cycles are dear)" : ""));
  }

  // How fast it went.
  const auto& history = last.history;
  double wanted = std::max(500.0, 4.0 * options.max_iterations);  // when nothing is known
  int wanted_rank = 4;
  if (last.status == Status::max_iterations && history.size() > 10 && history.back() > 0) {
    const std::size_t half = history.size() / 2;
    const double rate = std::pow(history.back() / history[half],
                                 1.0 / static_cast<double>(history.size() - 1 - half));
    if (rate < 0.9999 && history.back() < history[half]) {
      const double more = std::log(options.tolerance / history.back()) / std::log(rate);
      wanted = 1.2 * (static_cast<double>(last.iterations) + more);
      // So many more that another method is the better advice.
      wanted_rank = wanted >= 20.0 * options.max_iterations ? 6 : rate < 0.95 ? 0 : 4;
      found.push_back(
          fmt::format("each iteration reduces the residual by a factor of {:.4f}", rate));
    }
    if (last.preconditioner == "none" || last.preconditioner == "jacobi" ||
        last.preconditioner == "chebyshev") {
      advice.emplace_back(
          1, symmetric ? "--set solver.preconditioner=amg" : "--set solver.preconditioner=ilu");
    }
  }
  if (last.status == Status::max_iterations) {
    // The deck allows at most 10^9.
    advice.emplace_back(wanted_rank, fmt::format("--set solver.max_iterations={:.0f}",
                                                 std::min(1e9, 50 * std::ceil(wanted / 50))));
  }
  if (last.status == Status::indefinite) {
    if (symmetric)
      advice.emplace_back(0, "--set solver.method=minres --set solver.preconditioner=none");
    advice.emplace_back(1, "--set solver.method=gmres --set solver.preconditioner=ilu");
  }
  if (last.status == Status::walltime) {
    advice.emplace_back(0, "more time (--set limits.walltime=\"2 h\") or more ranks");
  } else if (last.status == Status::stalled || last.status == Status::breakdown) {
    if (last.method == "gmres" || last.method == "fgmres" || last.method == "gcrodr")
      advice.emplace_back(1, fmt::format("--set solver.restart={}", 4 * options.restart));
    else
      advice.emplace_back(1,
                          fmt::format("--set solver.method=gmres --set solver.preconditioner={}",
                                      last.preconditioner == "none" ? "ilu" : last.preconditioner));
    if (last.preconditioner == "ilu")
      advice.emplace_back(2, "--set 'solver.trilinos.ilu.\"fact: iluk level-of-fill\"=2'");
  }
  if (last.status == Status::loss_of_accuracy) {
    advice.emplace_back(
        0, fmt::format("--set solver.tolerance={:.0e}", 2 * std::max(report.true_residual, 1e-16)));
  }
  const double n_direct = context.dimension >= 3 ? 2e5 : 1e6;
  if (last.preconditioner != "direct" && op.matrix() && n_rows < n_direct)
    advice.emplace_back(5, "--set solver.preconditioner=direct");
  if (advice.empty()) {
    advice.emplace_back(5, symmetric ? "--set 'solver.fallback=[\"minres+none\", \"direct\"]'"
                                     : "--set 'solver.fallback=[\"gmres+ilu\", \"direct\"]'");
  }

  std::stable_sort(advice.begin(), advice.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [rank, text] : advice) {
    if (std::find(report.suggestions.begin(), report.suggestions.end(), text) ==
        report.suggestions.end())
      report.suggestions.push_back(text);
  }
}

}  // namespace ritz::solve
