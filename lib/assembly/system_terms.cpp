#include "system_terms.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace ritz::assembly {

namespace {

using physics::JacobianEntry;
using physics::SystemForm;

constexpr std::array<const char*, 3> axes{"x", "y", "z"};

std::string residual_name(const SystemForm& form, int i, int slot) {
  return (slot == 0 ? std::string("f0")
                    : std::string("f1.") + axes[static_cast<std::size_t>(slot - 1)]) +
         " of " + form.unknowns[static_cast<std::size_t>(i)];
}

template <class T>
device::View<T*> upload(const char* label, const std::vector<T>& values) {
  return device::to_device(label, values.data(), values.size());
}

}  // namespace

/// Collects the outputs of each region and the slots they go to.
struct SystemTerms::Builder {
  Builder(const SystemForm& form_in, int n_regions_in, int n_place_in, int per_unknown_in,
          int n_curvatures_in)
      : form(form_in),
        m(form_in.n_unknowns()),
        dim(form_in.dimension),
        n_regions(n_regions_in),
        n_place(n_place_in),
        per_unknown(per_unknown_in),
        n_curvatures(n_curvatures_in),
        outputs(static_cast<std::size_t>(n_regions)),
        names(static_cast<std::size_t>(n_regions)),
        residual(static_cast<std::size_t>(n_regions * m * (dim + 1))),
        equation_kinds(static_cast<std::size_t>(m), 0),
        unknown_reads(static_cast<std::size_t>(m), 0) {}

  const SystemForm& form;
  int m, dim, n_regions;
  int n_place;       ///< variables before the unknowns', t included
  int per_unknown;   ///< variables of an unknown
  int n_curvatures;  ///< and its second derivatives, behind those of all
  std::vector<std::vector<expr::Expression>> outputs;
  std::vector<std::vector<std::string>> names;
  std::vector<ResidualSlot> residual;
  std::vector<std::uint8_t> equation_kinds, unknown_reads;
  /// (test, trial, test slot, trial slot) -> slots of the regions; slots as in SlotPlace.
  std::map<std::array<int, 4>, std::vector<JacobianSlot>> jacobian;
  bool reads_place = false, reads_metric = false;

  int add_output(int region, const expr::Expression& e, std::string name) {
    auto& list = outputs[static_cast<std::size_t>(region)];
    list.push_back(e);
    names[static_cast<std::size_t>(region)].push_back(std::move(name));
    const auto& variables = e.variables();
    for (int v = 0; v < static_cast<int>(variables.size()); ++v) {
      if (!e.depends_on(variables[static_cast<std::size_t>(v)])) continue;
      if (v < n_place) {
        reads_place = true;
        continue;
      }
      if (v >= n_place + m * (per_unknown + n_curvatures)) {
        reads_metric = true;
        continue;
      }
      if (v >= n_place + m * per_unknown) {
        unknown_reads[static_cast<std::size_t>((v - n_place - m * per_unknown) / n_curvatures)] |=
            reads_curvature;
        continue;
      }
      const int slot = (v - n_place) % per_unknown;
      auto& reads = unknown_reads[static_cast<std::size_t>((v - n_place) / per_unknown)];
      if (slot == 0) {
        reads |= reads_value;
      } else if (slot <= dim) {
        reads |= reads_gradient;
      } else {
        reads |= slot == dim + 1 ? reads_rate : reads_second_rate;
      }
    }
    return static_cast<int>(list.size()) - 1;
  }

  /// `slot`: 0: f0, 1 + d: f1[d].
  void add_residual(int region, int i, int slot, const expr::Expression& e, std::string name) {
    const int row = slot == 0 ? dim : slot - 1;
    ResidualSlot& to = residual[static_cast<std::size_t>((region * m + i) * (dim + 1) + row)];
    if (e.is_constant()) {
      to.constant = e.constant_value();
      if (to.constant == 0.0) return;
    } else {
      to.row = add_output(region, e, std::move(name));
    }
    equation_kinds[static_cast<std::size_t>(i)] |= static_cast<std::uint8_t>(slot == 0 ? 1 : 2);
  }

  void add_jacobian(int region, const JacobianEntry& e, std::string name) {
    const int derivative = e.is_of_rate(dim) ? e.trial_slot - dim : 0;  // of the state
    int trial_slot = e.trial_slot == 0 || derivative > 0 ? dim : e.trial_slot - 1;
    if (e.trial_slot > dim + 2) trial_slot = e.trial_slot - 2;
    const int test_slot = e.test_slot == 0 ? dim : e.test_slot - 1;
    auto& slots = jacobian[{e.test, e.trial, test_slot, trial_slot}];
    slots.resize(static_cast<std::size_t>(n_regions));
    JacobianSlot& to = slots[static_cast<std::size_t>(region)];
    if (e.value.is_constant()) {
      to.constant[derivative] = e.value.constant_value();
    } else {
      to.row[derivative] = add_output(region, e.value, std::move(name));
    }
  }

  void finish(SystemTerms& terms, bool has_residual) {
    TermsView& view = terms.view_;
    view.n_unknowns = m;
    view.has_residual = has_residual;
    view.n_slots = static_cast<int>(jacobian.size());
    view.reads_place = reads_place;
    view.reads_metric = reads_metric;
    view.curvature_row = n_place - 1 + m * per_unknown;
    view.metric_row = view.curvature_row + m * n_curvatures;
    view.n_rows = view.metric_row + (reads_metric ? dim * (dim + 1) / 2 : 0);
    std::vector<expr::ProgramView> views;
    for (const auto& list : outputs) {
      if (list.empty()) {
        views.emplace_back();
        terms.programs_.emplace_back(expr::Program{});
        continue;
      }
      terms.programs_.emplace_back(expr::compile(list, {"t"}));
      const expr::DeviceProgram& program = terms.programs_.back();
      views.push_back(program.view());
      view.any_program = true;
      view.n_outputs = std::max(view.n_outputs, program.host().n_outputs());
      view.n_registers = std::max(view.n_registers, program.host().n_registers());
      view.block = std::max(view.block, program.host().block());
    }
    std::vector<SlotPlace> places;
    std::vector<JacobianSlot> all(static_cast<std::size_t>(n_regions) *
                                  static_cast<std::size_t>(view.n_slots));
    std::vector<int> pair_begin(static_cast<std::size_t>(m * m + 1), 0);
    std::vector<std::uint8_t> pair_kinds(static_cast<std::size_t>(m * m), 0);
    int n_fixed = 0;
    for (const auto& [key, slots] : jacobian) {
      const auto& [test, trial, test_slot, trial_slot] = key;
      const bool varies = std::any_of(slots.begin(), slots.end(), [](const JacobianSlot& s) {
        return s.row[0] >= 0 || s.row[1] >= 0 || s.row[2] >= 0;
      });
      const auto s = places.size();
      places.push_back({test, test_slot, trial, trial_slot, varies ? 1 : 0,
                        varies ? view.n_varying_slots++ : n_fixed++});
      for (std::size_t r = 0; r < slots.size(); ++r)
        all[r * static_cast<std::size_t>(view.n_slots) + s] = slots[r];
      const auto pair = static_cast<std::size_t>(test * m + trial);
      ++pair_begin[pair + 1];
      int kind = test_slot == dim
                     ? (trial_slot == dim ? pair_value_value : pair_value_gradient)
                     : (trial_slot == dim ? pair_gradient_value : pair_gradient_gradient);
      if (trial_slot > dim) {
        kind |= pair_curvature;
        view.has_curvature_slots = true;
      }
      pair_kinds[pair] = static_cast<std::uint8_t>(pair_kinds[pair] | kind);
      terms.all_kinds_ |= kind;
    }
    for (std::size_t p = 1; p < pair_begin.size(); ++p) pair_begin[p] += pair_begin[p - 1];
    view.programs = upload("ritz::assembly::system_programs", views);
    view.residual = upload("ritz::assembly::residual_slots", residual);
    view.jacobian = upload("ritz::assembly::jacobian_slots", all);
    view.places = upload("ritz::assembly::slot_places", places);
    view.pair_begin = upload("ritz::assembly::pair_begin", pair_begin);
    view.pair_kinds = upload("ritz::assembly::pair_kinds", pair_kinds);
    view.equation_kinds = upload("ritz::assembly::equation_kinds", equation_kinds);
    view.unknown_reads = upload("ritz::assembly::unknown_reads", unknown_reads);
    terms.names_ = std::move(names);
  }
};

SystemTerms::SystemTerms(const SystemForm& form, Pass pass) {
  const int m = form.n_unknowns(), dim = form.dimension;
  Builder builder(form, static_cast<int>(form.regions.size()), physics::n_place_variables,
                  physics::variables_per_unknown(dim),
                  form.has_curvature ? physics::curvatures_per_unknown(dim) : 0);
  const auto names = physics::volume_variables(form.unknowns, dim);
  const auto curvatures = physics::curvature_variables(form.unknowns, dim);
  for (int r = 0; r < builder.n_regions; ++r) {
    const SystemForm::Region& region = form.regions[static_cast<std::size_t>(r)];
    const auto slope_name = [&](const JacobianEntry& e) {
      const int v = physics::n_place_variables + e.trial * builder.per_unknown + e.trial_slot;
      const int c = e.trial * builder.n_curvatures + e.trial_slot - builder.per_unknown;
      return "d(" + residual_name(form, e.test, e.test_slot) + ")/d(" +
             (e.trial_slot < builder.per_unknown ? names[static_cast<std::size_t>(v)]
                                                 : curvatures[static_cast<std::size_t>(c)]) +
             ")";
    };
    if (pass == Pass::residual || pass == Pass::both) {
      for (int i = 0; i < m; ++i) {
        for (int a = 0; a <= dim; ++a) {
          const expr::Expression& f = a == 0 ? region.f0[static_cast<std::size_t>(i)]
                                             : region.f1[static_cast<std::size_t>(i * dim + a - 1)];
          builder.add_residual(r, i, a, f, residual_name(form, i, a));
        }
      }
    }
    if (pass == Pass::residual) continue;
    for (const JacobianEntry& e : physics::jacobian_entries(form, region)) {
      if (pass == Pass::jacobian || pass == Pass::both) {
        builder.add_jacobian(r, e, slope_name(e));
      } else if (e.test == e.trial && e.test_slot == 0 &&
                 e.trial_slot == dim + (pass == Pass::mass_1 ? 1 : 2)) {
        builder.add_residual(r, e.test, 0, e.value, slope_name(e));
      }
    }
  }
  builder.finish(*this, pass != Pass::jacobian);
}

SystemTerms SystemTerms::of_boundaries(const SystemForm& form, Pass pass) {
  SystemTerms terms;
  Builder builder(form, static_cast<int>(form.boundaries.size()),
                  physics::n_boundary_place_variables, 1, 0);
  for (int b = 0; b < builder.n_regions; ++b) {
    const SystemForm::Boundary& boundary = form.boundaries[static_cast<std::size_t>(b)];
    if (boundary.kind != SystemForm::Boundary::Kind::natural) continue;
    const std::string& unknown = form.unknowns[static_cast<std::size_t>(boundary.unknown)];
    const std::string name = "natural boundary " + std::to_string(b + 1);
    if (pass != Pass::jacobian)
      builder.add_residual(b, boundary.unknown, 0, boundary.value, name + " of " + unknown);
    if (pass == Pass::residual) continue;
    for (const JacobianEntry& e : physics::jacobian_entries(form, boundary)) {
      builder.add_jacobian(b, e,
                           "d(" + name + " of " + unknown + ")/d(" +
                               form.unknowns[static_cast<std::size_t>(e.trial)] + ")");
    }
  }
  builder.finish(terms, pass != Pass::jacobian);
  return terms;
}

void SystemTerms::set_time(double time) {
  for (expr::DeviceProgram& program : programs_) {
    if (program.host().n_outputs() > 0) program.set_uniform("t", time);
  }
}

const std::string& SystemTerms::output_name(int region, int row) const {
  return names_[static_cast<std::size_t>(region)][static_cast<std::size_t>(row)];
}

}  // namespace ritz::assembly
