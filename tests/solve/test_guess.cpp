// Guesses of a sequence of solves: see ritz/solve/guess.hpp.
#include "ritz/solve/guess.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "models.hpp"

namespace {

using namespace ritz;
using namespace ritz::test;

// The A-norm is least on the plane of guess and directions: a guess that is off in them alone is
// made exact, and a direction given twice counts once.
TEST(Guess, IsMovedToTheLeastErrorAlongTheDirections) {
  for (const int n : {1, 2, 24}) {
    const auto model = poisson(n);
    const LocalId n_owned = model->matrix.layout().n_owned;
    const auto vector = [&](auto value) {
      const Vector v = la::make_vector("v", n_owned);
      for (LocalId i = 0; i < n_owned; ++i) {
        const auto at = model->lattice.point(model->matrix.layout().first + i);
        const bool fixed = model->lattice.on_boundary(at);
        v(static_cast<std::size_t>(i)) = fixed ? 0.0 : value(at);
      }
      return v;
    };
    const Vector first = vector([](const auto& at) { return std::sin(0.7 * at[0]) + 2; });
    const Vector second = vector([](const auto& at) { return 1e3 * std::cos(0.4 * at[1]); });
    const Vector work = la::make_vector("work", n_owned);
    const auto error_norm = [&] {
      const Vector e = la::make_vector("e", n_owned);
      for (std::size_t i = 0; i < e.extent(0); ++i) e(i) = model->x(i) - model->exact(i);
      model->matrix.apply(e, work);
      return std::sqrt(la::dot(world(), e, work));
    };
    const auto begin = [&](double a, double b, double other) {
      for (std::size_t i = 0; i < first.extent(0); ++i) {
        const double inside = first(i) == 0 ? 0.0 : 1.0;
        model->x(i) = model->exact(i) - a * first(i) + b * second(i) +
                      other * inside * std::sin(1.3 * static_cast<double>(i));
      }
    };
    // Round-off of numbers of size 1e3 in sums over n^2 of them.
    begin(2.5, 0.7, 0);
    const double before = error_norm();
    solve::move_guess(model->matrix, model->rhs, model->x, {first, second}, work);
    EXPECT_LE(error_norm(), 1e-10 * before) << n;

    begin(2.5, 0, 0);
    solve::move_guess(model->matrix, model->rhs, model->x, {first, {}}, work);
    EXPECT_LE(error_norm(), 1e-10 * (1 + before)) << n;

    const Vector again = la::make_vector("again", n_owned);
    for (std::size_t i = 0; i < again.extent(0); ++i) again(i) = -3 * first(i);
    begin(2.5, 0, 0);
    solve::move_guess(model->matrix, model->rhs, model->x, {first, again}, work);
    EXPECT_LE(error_norm(), 1e-10 * (1 + before)) << n;

    // Never further away than it was.
    begin(0, 0, 1);
    const double alone = error_norm();
    solve::move_guess(model->matrix, model->rhs, model->x, {first, second}, work);
    EXPECT_LE(error_norm(), alone * (1 + 1e-12)) << n;

    // Nothing to go along, or zeros: stays.
    begin(1, 1, 1);
    const double there = error_norm();
    const Vector zero = la::make_vector("zero", n_owned);
    solve::move_guess(model->matrix, model->rhs, model->x, {zero, zero}, work);
    solve::move_guess(model->matrix, model->rhs, model->x, {}, work);
    EXPECT_EQ(error_norm(), there) << n;
  }
}

}  // namespace
