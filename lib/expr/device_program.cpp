#include "ritz/expr/device_program.hpp"

#include <string>

#include "ritz/base/error.hpp"
#include "ritz/expr/detail/interpreter.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"

namespace ritz::expr {

#ifndef RITZ_EXPR_IN_DEVICE_CODE
// Out of line where host code is all there is: compiled once, with this room's rounding flags.
void ProgramView::evaluate_block(const double* variables, std::ptrdiff_t variable_stride, int n,
                                 double* registers, std::ptrdiff_t register_stride, double* out,
                                 std::ptrdiff_t out_stride) const {
  detail::interpret(
      code, n_instructions,
      {constants, variables, variable_stride, registers, register_stride, out, out_stride}, n);
}
#endif

namespace {

constexpr bool on_host =
    Kokkos::SpaceAccessibility<device::ExecutionSpace, Kokkos::HostSpace>::accessible;
/// A CPU thread works through several blocks, so that starting a team is paid once for all; a GPU
/// thread handles a point, side by side with its team, so that rows are read in full lines.
constexpr int host_blocks_per_team = 16;
constexpr int threads_per_device_team = 128;

/// One team: points [league_rank * points_per_team, ...) of the batch.
struct Evaluator {
  using Team = Kokkos::TeamPolicy<device::ExecutionSpace>::member_type;
  using Scratch = Kokkos::View<double*, device::ExecutionSpace::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

  ProgramView program;
  const double* variables;
  double* out;
  std::ptrdiff_t n_points;
  int points_per_team;
  int register_stride;
  int scratch_level;
  std::uint64_t rows_read;

  KOKKOS_FUNCTION void operator()(const Team& team) const {
    const Scratch scratch(
        team.team_scratch(scratch_level),
        static_cast<std::size_t>(program.n_registers) * static_cast<std::size_t>(register_stride));
    const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(team.league_rank()) * points_per_team;
    const std::ptrdiff_t end =
        begin + points_per_team < n_points ? begin + points_per_team : n_points;
    if constexpr (on_host) {
      const detail::QuietArithmetic quiet;
      detail::interpret_blocks(program.code, program.n_instructions,
                               {program.constants, variables + begin, n_points, scratch.data(),
                                register_stride, out + begin, n_points},
                               program.n_outputs, rows_read, program.block, end - begin);
    } else {
      const int lane = team.team_rank();
      const std::ptrdiff_t point = begin + lane;
      if (point < end) {
        program.evaluate_block(variables + point, n_points, 1, scratch.data() + lane,
                               register_stride, out + point, n_points);
      }
    }
  }
};

}  // namespace

DeviceProgram::DeviceProgram(const Program& program)
    : program_(program),
      code_(device::to_device("ritz::expr::code", program.code().data(), program.code().size())),
      constants_(device::to_device("ritz::expr::constants", program.constants().data(),
                                   program.constants().size())) {}

ProgramView DeviceProgram::view() const {
  return {code_.data(),           constants_.data(),    static_cast<int>(code_.extent(0)),
          program_.n_registers(), program_.n_outputs(), program_.block()};
}

void DeviceProgram::set_uniform(std::string_view name, double value) {
  program_.set_uniform(name, value);
  const auto constants = program_.constants();
  const Kokkos::View<const double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>
      host(constants.data(), constants.size());
  Kokkos::deep_copy(constants_, host);
}

void DeviceProgram::evaluate(const device::ExecutionSpace& space, const Variables& variables,
                             const ManyValues& out) const {
  const std::size_t n_points = out.extent(1);
  const std::size_t n_rows = program_.row_variables().size();
  const auto text = [](std::size_t rows, std::size_t columns) {
    return "[" + std::to_string(rows) + "][" + std::to_string(columns) + "]";
  };
  if (out.extent(0) != static_cast<std::size_t>(program_.n_outputs()) ||
      variables.extent(0) != n_rows || (n_rows > 0 && variables.extent(1) != n_points) ||
      !out.span_is_contiguous() || !variables.span_is_contiguous()) {
    throw base::Error(
        base::ExitCode::internal,
        "expr: evaluate() got variables " + text(variables.extent(0), variables.extent(1)) +
            " and results " + text(out.extent(0), out.extent(1)) + " for a program of " +
            std::to_string(n_rows) + " variables and " + std::to_string(program_.n_outputs()) +
            " outputs, or views with gaps; please report this");
  }
  if (n_points == 0) return;

  const int lanes = on_host ? program_.block() : threads_per_device_team;
  const int points_per_team = on_host ? lanes * host_blocks_per_team : lanes;
  const auto n_teams = (n_points + static_cast<std::size_t>(points_per_team) - 1) /
                       static_cast<std::size_t>(points_per_team);
  const std::size_t scratch_bytes = Evaluator::Scratch::shmem_size(
      static_cast<std::size_t>(program_.n_registers()) * static_cast<std::size_t>(lanes));
  // Level 0 is the fast, small memory of a GPU's multiprocessor.
  constexpr std::size_t fast_scratch = 16384;
  const int level = scratch_bytes <= fast_scratch ? 0 : 1;
  const Evaluator evaluator{view(),          variables.data(),
                            out.data(),      static_cast<std::ptrdiff_t>(n_points),
                            points_per_team, lanes,
                            level,           program_.rows_read()};
  Kokkos::TeamPolicy<device::ExecutionSpace> policy(space, static_cast<int>(n_teams),
                                                    on_host ? 1 : threads_per_device_team);
  policy.set_scratch_size(level, Kokkos::PerTeam(scratch_bytes));
  Kokkos::parallel_for("ritz::expr::evaluate", policy, evaluator);
}

void DeviceProgram::evaluate(const device::ExecutionSpace& space, const Variables& variables,
                             const Values& out) const {
  evaluate(space, variables, ManyValues(out.data(), 1, out.extent(0)));
}

}  // namespace ritz::expr
