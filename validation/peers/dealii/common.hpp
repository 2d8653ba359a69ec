#pragma once

// What the two deal.II programs share: the operator -div(c grad u) of degree PEER_DEGREE on
// MatrixFree and FEEvaluation, meshes, and small helpers. Written after the documentation of
// deal.II 9.4 (classes MatrixFree, FEEvaluation, tutorial step-37 for what belongs together).

#include <deal.II/base/mpi.h>
#include <deal.II/base/utilities.h>
#include <deal.II/base/vectorization.h>
#include <deal.II/distributed/tria.h>
#include <deal.II/dofs/dof_handler.h>
#include <deal.II/dofs/dof_tools.h>
#include <deal.II/fe/fe_q.h>
#include <deal.II/fe/mapping_q.h>
#include <deal.II/fe/mapping_q1.h>
#include <deal.II/fe/mapping_q_cache.h>
#include <deal.II/grid/grid_generator.h>
#include <deal.II/lac/affine_constraints.h>
#include <deal.II/lac/diagonal_matrix.h>
#include <deal.II/lac/la_parallel_vector.h>
#include <deal.II/lac/precondition.h>
#include <deal.II/lac/solver_cg.h>
#include <deal.II/matrix_free/fe_evaluation.h>
#include <deal.II/matrix_free/matrix_free.h>
#include <deal.II/matrix_free/tools.h>
#ifdef PEER_WIDTH  // the package holds these for its own width only
#include <deal.II/matrix_free/dof_info.templates.h>
#include <deal.II/matrix_free/mapping_info.templates.h>
#include <deal.II/matrix_free/mapping_info_storage.templates.h>
#include <deal.II/matrix_free/matrix_free.templates.h>
#include <deal.II/matrix_free/shape_info.templates.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace peers {

using namespace dealii;

constexpr int dimension = 3;
constexpr int degree = PEER_DEGREE;

template <class Number>
using DistributedVector = LinearAlgebra::distributed::Vector<Number>;

/// Seconds, after all ranks have come here.
inline double synchronous_now() {
  MPI_Barrier(MPI_COMM_WORLD);
  return MPI_Wtime();
}

/// Largest time since `start` of all ranks. Collective.
inline double seconds_since(double start) {
  return Utilities::MPI::max(MPI_Wtime() - start, MPI_COMM_WORLD);
}

/// Peak resident set in bytes, sum over ranks. Collective.
inline double peak_bytes() {
  std::ifstream file("/proc/self/status");
  double kib = 0;
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmHWM:", 0) == 0) kib = std::stod(line.substr(6));
  return 1024.0 * Utilities::MPI::sum(kib, MPI_COMM_WORLD);
}

/// One JSON object on a line of standard output, written by rank 0.
class Json {
 public:
  template <class T>
  Json& operator()(const char* name, const T& value) {
    text_ << (text_.str().empty() ? "{" : ", ") << '"' << name << "\": ";
    put(value);
    return *this;
  }
  void print() const {
    if (Utilities::MPI::this_mpi_process(MPI_COMM_WORLD) != 0) return;
    std::printf("%s}\n", text_.str().c_str());
    std::fflush(stdout);
  }

 private:
  void put(const std::string& value) { text_ << '"' << value << '"'; }
  void put(const char* value) { text_ << '"' << value << '"'; }
  void put(double value) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%.12g", value);
    text_ << buffer;
  }
  template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
  void put(Integer value) {
    text_ << value;
  }
  void put(const std::vector<double>& values) {
    text_ << '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) text_ << ", ";
      put(values[i]);
    }
    text_ << ']';
  }
  std::ostringstream text_;
};

/// x + 0.1 prod sin(pi x_d) in each direction: the smooth distortion of `ritz bench`.
inline Point<dimension> distorted(const Point<dimension>& x) {
  double shift = 0.1;
  for (int d = 0; d < dimension; ++d) shift *= std::sin(numbers::PI * x[d]);
  return x + shift * Point<dimension>(1, 1, 1);
}

/// The shell of `ritz bench`: a sixth of 1 < r < 2, above a side of a cube.
inline Point<dimension> on_shell(const Point<dimension>& x) {
  const double a = std::tan(numbers::PI / 4 * (2 * x[1] - 1));
  const double b = std::tan(numbers::PI / 4 * (2 * x[2] - 1));
  return (1 + x[0]) / std::sqrt(1 + a * a + b * b) * Point<dimension>(1, a, b);
}

/// Cells of order `order` on all levels whose nodes are moved to place(x). Collective.
inline std::unique_ptr<Mapping<dimension>> mapped(
    const Triangulation<dimension>& mesh, unsigned int order,
    const std::function<Point<dimension>(const Point<dimension>&)>& place) {
  auto moved = std::make_unique<MappingQCache<dimension>>(order);
  moved->initialize(
      MappingQ<dimension>(order), mesh,
      [&place](const Triangulation<dimension>::cell_iterator&, const Point<dimension>& x) {
        return place(x);
      },
      false);
  return moved;
}

/// The coefficient of M6.
template <class Number>
Number coefficient_m6(const Point<dimension, Number>& x) {
  return Number(1.0) / (Number(0.05) + Number(2.0) * x.square());
}

/// Coefficient 1 or that of M6 at the quadrature points; values at the constrained unknowns pass.
template <class Number>
class Operator : public Subscriptor {
 public:
  using value_type = Number;
  using Pack = VectorizedArray<Number>;
  using Matrix = MatrixFree<dimension, Number, Pack>;
  using Cells = FEEvaluation<dimension, degree, degree + 1, 1, Number, Pack>;
  using Range = std::pair<unsigned int, unsigned int>;
  using Hook = std::function<void(unsigned int, unsigned int)>;

  /// Collective. level: of the multigrid hierarchy; none: the active cells.
  void reinit(const Mapping<dimension>& mapping, const DoFHandler<dimension>& dofs,
              const AffineConstraints<double>& constraints, bool variable,
              unsigned int level = numbers::invalid_unsigned_int) {
    typename Matrix::AdditionalData data;
    data.tasks_parallel_scheme = Matrix::AdditionalData::none;
    data.mapping_update_flags = update_gradients | update_JxW_values;
    if (variable) data.mapping_update_flags |= update_quadrature_points;
    data.mg_level = level;
    matrix_.reinit(mapping, dofs, constraints, QGauss<1>(degree + 1), data);
    n_global_ = level == numbers::invalid_unsigned_int ? dofs.n_dofs() : dofs.n_dofs(level);
    coefficient_.resize(0);
    if (!variable) return;
    Cells cells(matrix_);
    coefficient_.resize(static_cast<std::size_t>(matrix_.n_cell_batches()) * n_points);
    for (unsigned int c = 0; c < matrix_.n_cell_batches(); ++c) {
      cells.reinit(c);
      for (unsigned int q = 0; q < n_points; ++q)
        coefficient_[std::size_t{c} * n_points + q] = coefficient_m6(cells.quadrature_point(q));
    }
  }

  void initialize_dof_vector(DistributedVector<Number>& v) const {
    matrix_.initialize_dof_vector(v);
  }
  types::global_dof_index m() const { return n_global_; }
  /// Asked for by name in templates of deal.II, never called.
  Number el(unsigned int, unsigned int) const { std::abort(); }

  void vmult(DistributedVector<Number>& y, const DistributedVector<Number>& x) const {
    matrix_.cell_loop(&Operator::apply, this, y, x, true);
    for (const unsigned int i : matrix_.get_constrained_dofs())
      y.local_element(i) = x.local_element(i);
  }

  /// With vector work before and after ranges of unknowns: SolverCG and PreconditionChebyshev see
  /// this overload and do their updates inside the loop over the cells.
  void vmult(DistributedVector<Number>& y, const DistributedVector<Number>& x, const Hook& before,
             const Hook& after) const {
    const auto& constrained = matrix_.get_constrained_dofs();
    const auto finish = [&](unsigned int begin, unsigned int end) {
      for (auto i = std::lower_bound(constrained.begin(), constrained.end(), begin);
           i != constrained.end() && *i < end; ++i)
        y.local_element(*i) = x.local_element(*i);
      after(begin, end);
    };
    matrix_.cell_loop(&Operator::apply, this, y, x, before, finish);
  }
  void Tvmult(DistributedVector<Number>& y, const DistributedVector<Number>& x) const {
    vmult(y, x);
  }
  void vmult_add(DistributedVector<Number>& y, const DistributedVector<Number>& x) const {
    DistributedVector<Number> product;
    product.reinit(y, true);
    vmult(product, x);
    y += product;
  }
  void Tvmult_add(DistributedVector<Number>& y, const DistributedVector<Number>& x) const {
    vmult_add(y, x);
  }

  void compute_diagonal() {
    inverse_diagonal = std::make_shared<DiagonalMatrix<DistributedVector<Number>>>();
    DistributedVector<Number>& diagonal = inverse_diagonal->get_vector();
    initialize_dof_vector(diagonal);
    MatrixFreeTools::compute_diagonal<dimension, degree, degree + 1, 1, Number, Pack>(
        matrix_, diagonal, [this](Cells& cells) {
          cells.evaluate(EvaluationFlags::gradients);
          at_points(cells);
          cells.integrate(EvaluationFlags::gradients);
        });
    for (unsigned int i = 0; i < diagonal.locally_owned_size(); ++i) {
      Number& entry = diagonal.local_element(i);
      entry = entry > Number(0) ? Number(1) / entry : Number(1);
    }
  }

  /// Right-hand side of f = 1, zero at the constrained unknowns.
  void unit_load(DistributedVector<Number>& b) const {
    initialize_dof_vector(b);
    const int none = 0;
    matrix_.template cell_loop<DistributedVector<Number>, int>(
        [](const Matrix& matrix, DistributedVector<Number>& sum, const int&, const Range& range) {
          Cells cells(matrix);
          for (unsigned int c = range.first; c < range.second; ++c) {
            cells.reinit(c);
            for (unsigned int q = 0; q < n_points; ++q)
              cells.submit_value(make_vectorized_array<Pack>(Number(1)), q);
            cells.integrate(EvaluationFlags::values);
            cells.distribute_local_to_global(sum);
          }
        },
        b, none, true);
  }

  /// |b - A x| / |b|. Collective.
  double true_residual(const DistributedVector<Number>& b,
                       const DistributedVector<Number>& x) const {
    DistributedVector<Number> r;
    r.reinit(b, true);
    vmult(r, x);
    r.sadd(-1.0, 1.0, b);
    return r.l2_norm() / b.l2_norm();
  }

  [[nodiscard]] const Matrix& matrix() const { return matrix_; }
  std::shared_ptr<DiagonalMatrix<DistributedVector<Number>>> inverse_diagonal;

 private:
  static constexpr unsigned int n_points = (degree + 1) * (degree + 1) * (degree + 1);

  void at_points(Cells& cells) const {
    if (coefficient_.empty()) {
      for (unsigned int q = 0; q < n_points; ++q) cells.submit_gradient(cells.get_gradient(q), q);
      return;
    }
    const Pack* const c =
        coefficient_.data() + std::size_t{cells.get_current_cell_index()} * n_points;
    for (unsigned int q = 0; q < n_points; ++q)
      cells.submit_gradient(c[q] * cells.get_gradient(q), q);
  }

  void apply(const Matrix& matrix, DistributedVector<Number>& y, const DistributedVector<Number>& x,
             const Range& range) const {
    Cells cells(matrix);
    for (unsigned int c = range.first; c < range.second; ++c) {
      cells.reinit(c);
      cells.gather_evaluate(x, EvaluationFlags::gradients);
      at_points(cells);
      cells.integrate_scatter(EvaluationFlags::gradients, y);
    }
  }

  Matrix matrix_;
  AlignedVector<Pack> coefficient_;
  types::global_dof_index n_global_ = 0;
};

/// Value at the vertex in the middle of the undistorted cube, for the comparison of solutions.
/// Collective.
inline double centre_value(const DoFHandler<dimension>& dofs, const DistributedVector<double>& x) {
  const Point<dimension> centre(0.5, 0.5, 0.5);
  double value = 0;  // solutions of f = 1 are positive
  for (const auto& cell : dofs.active_cell_iterators()) {
    if (!cell->is_locally_owned()) continue;
    for (unsigned int v = 0; v < GeometryInfo<dimension>::vertices_per_cell; ++v) {
      const auto dof = cell->vertex_dof_index(v, 0);
      if (cell->vertex(v).distance(centre) < 1e-10 && x.locally_owned_elements().is_element(dof))
        value = x(dof);
    }
  }
  return Utilities::MPI::max(value, MPI_COMM_WORLD);
}

/// Numbers of a comma-separated list.
inline std::vector<double> numbers_of(const std::string& list) {
  std::vector<double> all;
  for (const std::string& one : Utilities::split_string_list(list))
    all.push_back(Utilities::string_to_double(one));
  return all;
}

}  // namespace peers
