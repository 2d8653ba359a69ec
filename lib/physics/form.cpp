#include "ritz/physics/form.hpp"

#include <algorithm>

namespace ritz::physics {

namespace {

bool is_zero(const Coefficient& coefficient) {
  return coefficient.is_constant && coefficient.value == 0.0;
}

bool is_symmetric_tensor(const std::vector<Coefficient>& tensor, int dimension) {
  for (int i = 0; i < dimension; ++i) {
    for (int j = 0; j < i; ++j) {
      const Coefficient& a = tensor[static_cast<std::size_t>(i * dimension + j)];
      const Coefficient& b = tensor[static_cast<std::size_t>(j * dimension + i)];
      if (!a.is_constant || !b.is_constant || a.value != b.value) return false;
    }
  }
  return true;
}

}  // namespace

bool Form::is_symmetric() const {
  return std::all_of(regions.begin(), regions.end(), [this](const RegionForm& region) {
    if (!std::all_of(region.advection.begin(), region.advection.end(), is_zero)) return false;
    return region.diffusion_kind != DiffusionKind::tensor ||
           is_symmetric_tensor(region.diffusion, dimension);
  });
}

bool Form::is_pure_neumann() const {
  const bool reacts = std::any_of(regions.begin(), regions.end(), [](const RegionForm& region) {
    return region.has_reaction && !is_zero(region.reaction);
  });
  return !reacts &&
         std::all_of(boundaries.begin(), boundaries.end(), [](const BoundaryForm& boundary) {
           return boundary.kind == BoundaryForm::Kind::flux ||
                  (boundary.kind == BoundaryForm::Kind::robin && is_zero(boundary.coefficient));
         });
}

}  // namespace ritz::physics
