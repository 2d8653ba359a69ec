#include "system_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "system_data.hpp"

namespace ritz::assembly {

using kernels::Pack;

namespace {

std::string entry_name(const physics::SystemForm& form, const physics::JacobianEntry& e,
                       const std::vector<std::string>& variables, int per_unknown) {
  constexpr std::array<const char*, 3> axes{"x", "y", "z"};
  const std::string slot =
      e.test_slot == 0 ? std::string("f0")
                       : std::string("f1.") + axes[static_cast<std::size_t>(e.test_slot - 1)];
  return "d(" + slot + " of " + form.unknowns[static_cast<std::size_t>(e.test)] + ")/d(" +
         variables[static_cast<std::size_t>(physics::n_place_variables + e.trial * per_unknown +
                                            e.trial_slot)] +
         ")";
}

/// out[a][q][c] = sum_i matrix[q][i] in[a][i][c], shapes [before][n_in][after].
void sweep(const std::vector<double>& matrix, int before, int n_in, int n_out, int after,
           const Pack* in, Pack* out) {
  for (int a = 0; a < before; ++a) {
    for (int q = 0; q < n_out; ++q) {
      for (int c = 0; c < after; ++c) {
        Pack sum(0.0);
        for (int i = 0; i < n_in; ++i) {
          sum +=
              Pack(matrix[static_cast<std::size_t>(q * n_in + i)]) * in[(a * n_in + i) * after + c];
        }
        out[(a * n_out + q) * after + c] = sum;
      }
    }
  }
}

}  // namespace

SystemJacobian::SystemJacobian(const physics::SystemForm& form)
    : m_(form.n_unknowns()),
      dim_(form.dimension),
      n_regions_(static_cast<int>(form.regions.size())),
      names_(form.regions.size()),
      reads_(static_cast<std::size_t>(m_), 0) {
  if (form.has_curvature) {
    throw base::Error(base::ExitCode::internal,
                      "a Jacobian without a matrix knows no second derivatives");
  }
  const int per_unknown = physics::variables_per_unknown(dim_);
  const auto variables = physics::volume_variables(form.unknowns, dim_);
  std::vector<std::vector<expr::Expression>> outputs(form.regions.size());
  std::map<Key, std::vector<Value>> all;
  for (std::size_t r = 0; r < form.regions.size(); ++r) {
    for (const physics::JacobianEntry& e : physics::jacobian_entries(form, form.regions[r])) {
      const int k = std::max(0, e.trial_slot - dim_);  // of the state: 0, 1, 2
      const int trial_slot = e.trial_slot == 0 || k > 0 ? dim_ : e.trial_slot - 1;
      const int test_slot = e.test_slot == 0 ? dim_ : e.test_slot - 1;
      auto& values = all[{e.test, test_slot, e.trial, trial_slot}];
      values.resize(form.regions.size());
      Value& to = values[r];
      if (e.value.is_constant()) {
        to.constant[static_cast<std::size_t>(k)] = e.value.constant_value();
        continue;
      }
      auto& list = outputs[r];
      const auto same = std::find_if(list.begin(), list.end(), [&](const expr::Expression& other) {
        return other.same_formula(e.value);
      });
      to.row[static_cast<std::size_t>(k)] = static_cast<int>(same - list.begin());
      if (same != list.end()) continue;
      list.push_back(e.value);
      names_[r].push_back(entry_name(form, e, variables, per_unknown));
      note_reads(e.value);
    }
  }
  for (const auto& [key, values] : all) {
    const bool varies = std::any_of(values.begin(), values.end(), [](const Value& v) {
      return v.row != std::array<int, 3>{-1, -1, -1};
    });
    auto& list = varies ? varying_ : numbers_;
    const auto same = std::find(list.begin(), list.end(), values);
    const auto number = static_cast<std::int16_t>(same - list.begin());
    if (same == list.end()) list.push_back(values);
    const auto& [test, test_slot, trial, trial_slot] = key;
    entries_.push_back({static_cast<std::int16_t>(test * (dim_ + 1) + test_slot),
                        static_cast<std::int16_t>(trial * (dim_ + 1) + trial_slot), number,
                        varies});
  }
  for (const auto& list : outputs) {
    programs_.emplace_back();
    if (list.empty()) continue;
    programs_.back().emplace(expr::compile(list, {"t"}));
    const expr::ProgramView view = programs_.back()->view();
    n_outputs_ = std::max(n_outputs_, view.n_outputs);
    n_register_doubles_ = std::max(n_register_doubles_, static_cast<std::size_t>(view.n_registers) *
                                                            static_cast<std::size_t>(view.block));
  }
  find_isotropy();
}

void SystemJacobian::note_reads(const expr::Expression& e) {
  const int per_unknown = physics::variables_per_unknown(dim_);
  const auto& variables = e.variables();
  for (int v = 0; v < static_cast<int>(variables.size()); ++v) {
    if (!e.depends_on(variables[static_cast<std::size_t>(v)])) continue;
    if (v < physics::n_place_variables) {
      reads_place_ = true;
      continue;
    }
    if (v >= physics::n_place_variables + static_cast<int>(reads_.size()) * per_unknown) {
      throw base::Error(base::ExitCode::internal,
                        "a Jacobian without a matrix knows no metric of cells");
    }
    const int slot = (v - physics::n_place_variables) % per_unknown;
    int& reads = reads_[static_cast<std::size_t>((v - physics::n_place_variables) / per_unknown)];
    if (slot == 0) {
      reads |= reads_value;
    } else if (slot <= dim_) {
      reads |= reads_gradient;
    } else {
      reads |= slot == dim_ + 1 ? reads_rate : reads_second_rate;
    }
  }
}

/// f1 = lambda div(u) 1 + mu (grad u + grad u^T) for u and its rates, f0 = rho u at most.
void SystemJacobian::find_isotropy() {
  if (m_ != dim_ || dim_ < 2 || !varying_.empty()) return;
  const int n = m_ * (dim_ + 1);
  moduli_.resize(static_cast<std::size_t>(n_regions_));
  for (int r = 0; r < n_regions_; ++r) {
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<double> c(static_cast<std::size_t>(n * n), 0.0);
      double largest = 0;
      for (const kernels::SystemEntry& e : entries_) {
        double& to = c[static_cast<std::size_t>(e.test * n + e.trial)];
        to = numbers_[static_cast<std::size_t>(e.number)][static_cast<std::size_t>(r)].constant[k];
        if (e.test % (dim_ + 1) != dim_) largest = std::max(largest, std::abs(to));
      }
      const auto at = [&](int i, int s, int j, int t) {
        return c[static_cast<std::size_t>((i * (dim_ + 1) + s) * n + j * (dim_ + 1) + t)];
      };
      const double lambda = at(0, 0, 1, 1), mu = at(0, 1, 0, 1), rho = at(0, dim_, 0, dim_);
      // The moduli of a formula may differ in their last digits.
      const double round_off = 1e-14 * largest;
      for (int i = 0; i < m_; ++i) {
        for (int s = 0; s <= dim_; ++s) {
          for (int j = 0; j < m_; ++j) {
            for (int t = 0; t <= dim_; ++t) {
              double expected = 0;
              if (s == dim_ && t == dim_) {
                expected = i == j ? rho : 0.0;
              } else if (s < dim_ && t < dim_) {
                expected = (i == s && j == t ? lambda : 0.0) + (i == j && s == t ? mu : 0.0) +
                           (i == t && j == s ? mu : 0.0);
              }
              const bool is_mass = s == dim_ && t == dim_;
              if (std::abs(at(i, s, j, t) - expected) > (is_mass ? 0.0 : round_off)) return;
            }
          }
        }
      }
      auto& moduli = moduli_[static_cast<std::size_t>(r)];
      moduli[0][k] = lambda;
      moduli[1][k] = mu;
      moduli[2][k] = rho;
    }
  }
  isotropic_ = true;
}

kernels::SystemEntries SystemJacobian::entries() const {
  kernels::SystemEntries view{entries_.data(), static_cast<int>(entries_.size())};
  for (const kernels::SystemEntry& e : entries_) {
    view.has_plain = view.has_plain || e.test % (dim_ + 1) == dim_;
    view.reads_values = view.reads_values || e.trial % (dim_ + 1) == dim_;
  }
  return view;
}

void SystemJacobian::set_time(double time) {
  for (auto& program : programs_) {
    if (program) program->set_uniform("t", time);
  }
}

std::vector<double> SystemJacobian::numbers(int region, const double (&shift)[3]) const {
  const auto r = static_cast<std::size_t>(region);
  std::vector<double> result;
  const auto add = [&](const std::array<double, 3>& parts) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      if (shift[k] != 0.0) sum += shift[k] * parts[k];
    }
    result.push_back(sum);
  };
  if (isotropic_) {
    for (const auto& parts : moduli_[r]) add(parts);
  } else {
    for (const auto& values : numbers_) add(values[r].constant);
  }
  return result;
}

expr::ProgramView SystemJacobian::program(int region) const {
  const auto& program = programs_[static_cast<std::size_t>(region)];
  return program ? program->view() : expr::ProgramView{};
}

SystemPoints::SystemPoints(const mesh::Mesh& mesh, const fem::Space& space,
                           const TensorBasis& basis, const SystemJacobian& jacobian, int n_unknowns)
    : CellMaps(mesh, basis),
      space_(space),
      jacobian_(jacobian),
      m_(n_unknowns),
      order_(mesh::entity_order(mesh.cell_type, space.element.degree())) {
  if (jacobian.n_varying() == 0) return;
  const auto n = static_cast<std::size_t>(n_points_);
  const int rows = physics::n_place_variables - 1 + m_ * physics::variables_per_unknown(dim_);
  variables_.assign(static_cast<std::size_t>(rows) * n * width, 0.0);
  outputs_.resize(static_cast<std::size_t>(jacobian.n_outputs()) * n * width);
  values_.resize(static_cast<std::size_t>(jacobian.n_varying()) * n * width);
  registers_.resize(jacobian.n_register_doubles());
  const std::size_t most = std::max(n, order_.size()) * static_cast<std::size_t>(basis.m);
  for (auto& work : work_) work.resize(most);
  gradients_.resize(n * static_cast<std::size_t>(dim_));
}

/// An unknown's values at the points, in work_[0].
void SystemPoints::to_points(const LocalId* cells, std::span<const double> from, int unknown) {
  const int n = basis_.n, m = basis_.m;
  double* nodal = reinterpret_cast<double*>(work_[0].data());
  for (int l = 0; l < width; ++l) {
    const auto dofs = space_.dofs(cells[l] < 0 ? cells[0] : cells[l]);
    for (std::size_t t = 0; t < order_.size(); ++t) {
      nodal[t * width + static_cast<std::size_t>(l)] =
          from[static_cast<std::size_t>(dofs[static_cast<std::size_t>(order_[t])] * m_ + unknown)];
    }
  }
  int in = 0;
  for (int d = 0; d < dim_; ++d, in = 1 - in) {
    sweep(basis_.values, kernels::power(n, dim_ - 1 - d), n, m, kernels::power(m, d),
          work_[in].data(), work_[1 - in].data());
  }
  if (in == 1) std::swap(work_[0], work_[1]);
}

/// Place, unknowns, gradients and rates at the points, as far as a program reads them.
void SystemPoints::interpolate(const LocalId* cells, const SystemAssembler::State& state) {
  const auto put = [&](int r, int q, const Pack& value) {
    std::memcpy(row(r) + q * width, &value, sizeof value);
  };
  if (jacobian_.reads_place()) {
    for (int q = 0; q < n_points_; ++q) {
      const double* shape = shape_values_.data() + static_cast<std::size_t>(q) * n_geometry_;
      for (int d = 0; d < dim_; ++d) {
        Pack sum(0.0);
        for (std::size_t a = 0; a < n_geometry_; ++a) {
          Pack x;
          std::memcpy(
              &x,
              nodes_.data() +
                  (a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d)) * width,
              sizeof x);
          sum += x * Pack(shape[a]);
        }
        put(d, q, sum);
      }
    }
  }
  const int m = basis_.m;
  bool has_gradients = false;
  for (int j = 0; j < m_; ++j)
    has_gradients = has_gradients || (jacobian_.reads(j) & reads_gradient);
  for (int j = 0; j < m_; ++j) {
    const int reads = jacobian_.reads(j);
    const int first = physics::n_place_variables - 1 + j * physics::variables_per_unknown(dim_);
    if ((reads & (reads_value | reads_gradient)) != 0) {
      to_points(cells, state.u, j);
      for (int q = 0; q < n_points_; ++q) put(first, q, work_[0][static_cast<std::size_t>(q)]);
      if ((reads & reads_gradient) != 0) {
        for (int d = 0; d < dim_; ++d) {
          sweep(basis_.collocation, kernels::power(m, dim_ - 1 - d), m, m, kernels::power(m, d),
                work_[0].data(), gradients_.data() + d * n_points_);
        }
        for (int q = 0; q < n_points_; ++q) {
          Pack adjugate[9], determinant;
          jacobian_at(q, adjugate, determinant);
          for (int d = 0; d < dim_; ++d) {
            Pack sum(0.0);
            for (int e = 0; e < dim_; ++e) {
              sum +=
                  adjugate[e * dim_ + d] * gradients_[static_cast<std::size_t>(e * n_points_ + q)];
            }
            put(first + 1 + d, q, sum / determinant);
          }
        }
      }
    }
    for (int k = 1; k < 3; ++k) {
      const std::span<const double> from = k == 1 ? state.rate : state.second_rate;
      if ((reads & (k == 1 ? reads_rate : reads_second_rate)) == 0) continue;
      if (from.empty()) {
        std::fill_n(row(first + dim_ + k), n_points_ * width, 0.0);
        continue;
      }
      to_points(cells, from, j);
      for (int q = 0; q < n_points_; ++q)
        put(first + dim_ + k, q, work_[0][static_cast<std::size_t>(q)]);
    }
  }
}

void SystemPoints::compute_values(const LocalId* cells, const SystemAssembler::State& state,
                                  const double (&shift)[3]) {
  gather(cells);
  time_ = state.time;
  interpolate(cells, state);
  const QuietFormulas quiet;
  for (int l = 0; l < width; ++l) {
    const int region = regions_[static_cast<std::size_t>(l)];
    if (std::find(regions_.begin(), regions_.begin() + l, region) == regions_.begin() + l) {
      run_program(cells, region, shift);
    }
  }
}

void SystemPoints::run_program(const LocalId* cells, int region, const double (&shift)[3]) {
  const expr::ProgramView program = jacobian_.program(region);
  const int n = n_points_ * width;
  if (program.n_outputs > 0) {
    for (int begin = 0; begin < n; begin += program.block) {
      const int count = std::min(n - begin, program.block);
      program.evaluate_block(variables_.data() + begin, n, count, registers_.data(), program.block,
                             outputs_.data() + begin, n);
    }
    for (int l = 0; l < width && bad_.bad_cell < 0; ++l) {
      if (regions_[static_cast<std::size_t>(l)] == region && cells[l] >= 0) {
        note_bad(cells[l], l, region, program.n_outputs);
      }
    }
  }
  for (int number = 0; number < jacobian_.n_varying(); ++number) {
    const SystemJacobian::Value& from = jacobian_.varying(number)[static_cast<std::size_t>(region)];
    double* to = values_.data() + static_cast<std::size_t>(number) * static_cast<std::size_t>(n);
    for (int i = 0; i < n; ++i) {
      if (regions_[static_cast<std::size_t>(i % width)] != region) continue;
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        if (shift[k] == 0.0) continue;
        double part = from.constant[k];
        if (from.row[k] >= 0) part += outputs_[static_cast<std::size_t>(from.row[k] * n + i)];
        sum += shift[k] * part;
      }
      to[i] = sum;
    }
  }
}

void SystemPoints::note_bad(LocalId cell, int lane, int region, int n_outputs) {
  for (int q = 0; q < n_points_; ++q) {
    for (int r = 0; r < n_outputs; ++r) {
      const auto at = static_cast<std::size_t>(q * width + lane);
      const double value = outputs_[static_cast<std::size_t>(r * n_points_ * width) + at];
      if (!is_bad(value)) continue;
      bad_.bad_cell = cell;
      bad_.bad_point = mesh::map_to_physical(mesh_, cell, points_[static_cast<std::size_t>(q)]);
      bad_.bad_term = jacobian_.output_name(region, r);
      bad_.bad_value = value;
      bad_.variables.emplace_back("t", time_);
      return;
    }
  }
}

}  // namespace ritz::assembly
