#include <MueLu_CreateTpetraPreconditioner.hpp>
#include <MueLu_Hierarchy.hpp>
#include <MueLu_MasterList.hpp>
#include <MueLu_SmootherBase.hpp>
#include <MueLu_TpetraOperator.hpp>
#include <MueLu_Utilities.hpp>
#include <Teuchos_ParameterList.hpp>
#include <algorithm>
#include <map>

#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/la/tpetra.hpp"
#include "ritz/la/vector.hpp"
#include "teuchos_lists.hpp"

namespace ritz::solve {

namespace {

using Type = deck::SolverOptions::Passed::Type;
using MueLuOperator = MueLu::TpetraOperator<double, LocalId, GlobalId, la::TpetraNode>;
using MueLuSmoother = MueLu::SmootherBase<double, LocalId, GlobalId, la::TpetraNode>;
using MueLuUtilities = MueLu::Utilities<double, LocalId, GlobalId, la::TpetraNode>;
using XpetraMatrix = Xpetra::Matrix<double, LocalId, GlobalId, la::TpetraNode>;
using XpetraOperator = Xpetra::Operator<double, LocalId, GlobalId, la::TpetraNode>;
using XpetraVectors = Xpetra::MultiVector<double, LocalId, GlobalId, la::TpetraNode>;

/// A matrix that Trilinos made, as one of ours; its rows are numbered in blocks by rank, as MueLu
/// numbers the aggregates. Copies. Collective.
la::Matrix copy_of(const la::TpetraMatrix& matrix, const comm::Communicator& communicator) {
  const la::TpetraMap& rows = *matrix.getRowMap();
  const la::TpetraMap& columns = *matrix.getColMap();
  const auto n_owned = static_cast<LocalId>(rows.getNodeNumElements());
  const GlobalId first = n_owned > 0 ? rows.getMinGlobalIndex() : 0;
  std::vector<GlobalId> ghosts;
  for (std::size_t c = 0; c < columns.getNodeNumElements(); ++c) {
    const GlobalId id = columns.getGlobalElement(static_cast<LocalId>(c));
    if (id < first || id >= first + n_owned) ghosts.push_back(id);
  }
  la::Layout layout = la::Layout::from_owned(communicator, n_owned, ghosts);
  if (communicator.any(!rows.isContiguous() || (n_owned > 0 && layout.first != first))) {
    throw base::Error(base::ExitCode::not_converged,
                      "multigrid's coarsest matrix is not numbered in blocks by rank");
  }
  std::vector<std::size_t> offsets{0};
  std::vector<LocalId> ids;
  std::vector<double> values;
  std::vector<std::pair<LocalId, double>> row;
  typename la::TpetraMatrix::local_inds_host_view_type row_columns;
  typename la::TpetraMatrix::values_host_view_type row_values;
  for (LocalId i = 0; i < n_owned; ++i) {
    matrix.getLocalRowView(i, row_columns, row_values);
    row.clear();
    for (std::size_t k = 0; k < row_columns.extent(0); ++k) {
      const GlobalId id = columns.getGlobalElement(row_columns(k));
      LocalId local = static_cast<LocalId>(id - first);
      if (id < first || id >= first + n_owned) {
        const auto at = std::lower_bound(layout.ghost_ids.begin(), layout.ghost_ids.end(), id);
        local = n_owned + static_cast<LocalId>(at - layout.ghost_ids.begin());
      }
      row.emplace_back(local, row_values(k));
    }
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      ids.push_back(column);
      values.push_back(value);
    }
    offsets.push_back(ids.size());
  }
  la::CsrMatrix csr;
  csr.pattern.row_offsets =
      device::to_device("ritz::solve::coarse_offsets", offsets.data(), offsets.size());
  csr.pattern.columns = device::to_device("ritz::solve::coarse_columns", ids.data(), ids.size());
  csr.values = device::to_device("ritz::solve::coarse_values", values.data(), values.size());
  return {std::move(layout), std::move(csr)};
}

/// The coarsest problem solved on rank 0, for a Trilinos whose own distributed direct solver is
/// wrong.
class GatheredCoarse final : public MueLuSmoother {
 public:
  /// Collective.
  GatheredCoarse(const la::TpetraMatrix& matrix, const comm::Communicator& communicator)
      : matrix_(copy_of(matrix, communicator)) {
    SetUp ignored;
    solver_ = make_direct(matrix_, {}, ignored);
    r_ = la::make_vector("ritz::solve::coarse_r", matrix_.layout().n_owned);
    z_ = la::make_vector("ritz::solve::coarse_z", matrix_.layout().n_owned);
  }
  /// x = A^-1 rhs, whatever x was.
  void Apply(XpetraVectors& x, const XpetraVectors& rhs, bool /*zero_guess*/) const override {
    Kokkos::deep_copy(r_, la::view_of(MueLuUtilities::MV2TpetraMV(rhs)));
    solver_->apply(r_, z_);
    Kokkos::deep_copy(la::view_of(MueLuUtilities::MV2NonConstTpetraMV(x)), z_);
  }
  [[nodiscard]] size_t getNodeSmootherComplexity() const override {
    return Teuchos::OrdinalTraits<size_t>::invalid();
  }

 private:
  la::Matrix matrix_;
  std::unique_ptr<la::Preconditioner> solver_;
  la::Vector r_, z_;
};

class Amg final : public la::Preconditioner {
 public:
  Amg(Teuchos::RCP<const la::TpetraMap> map, Teuchos::RCP<MueLuOperator> op, std::size_t bytes)
      : map_(std::move(map)), op_(std::move(op)), bytes_(bytes) {}
  void apply(const la::Vector& r, const la::Vector& z) const override {
    op_->apply(*la::tpetra(map_, r), *la::tpetra(map_, z));
  }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

 private:
  Teuchos::RCP<const la::TpetraMap> map_;
  Teuchos::RCP<MueLuOperator> op_;
  std::size_t bytes_;
};

/// What self_test_direct() says, asked once for each communicator.
const std::string& coarse_solver_problem(const comm::Communicator& communicator) {
  static std::map<MPI_Comm, std::string> known;
  const auto found = known.find(communicator.handle());
  if (found != known.end()) return found->second;
  return known[communicator.handle()] =
             communicator.size() > 1 ? self_test_direct(communicator) : std::string();
}

}  // namespace

std::vector<Known> known_amg() {
  std::vector<Known> known;
  const Teuchos::RCP<const Teuchos::ParameterList> list = MueLu::MasterList::List();
  for (auto entry = list->begin(); entry != list->end(); ++entry) {
    const std::string name = list->name(entry);
    const Teuchos::ParameterEntry& value = list->entry(entry);
    if (value.isList()) continue;
    if (value.isType<bool>())
      known.push_back({name, Type::boolean, {}});
    else if (value.isType<int>())
      known.push_back({name, Type::integer, {}});
    else if (value.isType<double>())
      known.push_back({name, Type::real, {}});
    else if (value.isType<std::string>())
      known.push_back({name, Type::string, {}});
  }
  std::vector<Known> smoother = known_chebyshev();
  for (const Known& one : known_ilu()) smoother.push_back(one);
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, Type>>{
           {"relaxation: type", Type::string},
           {"relaxation: sweeps", Type::integer},
           {"relaxation: damping factor", Type::real},
           {"relaxation: backward mode", Type::boolean},
           {"relaxation: use l1", Type::boolean},
           {"relaxation: l1 eta", Type::real},
           {"relaxation: min diagonal value", Type::real},
           {"relaxation: fix tiny diagonal entries", Type::boolean},
           {"relaxation: mtgs cluster size", Type::integer},
           {"relaxation: symmetric matrix structure", Type::boolean},
           {"relaxation: zero starting solution", Type::boolean}})
    smoother.push_back({name, type, {}});
  for (const char* list_name :
       {"smoother: params", "smoother: pre params", "smoother: post params", "coarse: params"})
    for (const Known& one : smoother)
      known.push_back({std::string(list_name) + "/" + one.name, one.type, one.instead});
  known.push_back({"coarse: params/fix nullspace", Type::boolean, {}});
  return known;
}

std::unique_ptr<la::Preconditioner> make_amg(const la::Matrix& matrix, bool symmetric,
                                             const Context& context, const Passed& passed,
                                             SetUp& set_up) {
  const la::Layout& layout = matrix.layout();
  Teuchos::ParameterList list;
  list.set("verbosity", "none");
  list.set("print initial parameters", false);
  list.set("print unused parameters", false);
  list.set("multigrid algorithm", symmetric ? "sa" : "unsmoothed");
  list.set("problem: symmetric", symmetric);
  list.set("transpose: use implicit", true);
  // One kernel for P^T A P instead of two products: a tenth less set-up on P1 tets, 2 ranks.
  list.set("rap: triple product", symmetric);
  list.set("max levels", 10);
  list.set("coarse: max size", 1000);
  list.set("aggregation: type", "uncoupled");
  list.set("aggregation: drop tol", 0.02);
  list.set("tentative: calculate qr", false);
  list.set("smoother: type", "CHEBYSHEV");
  Teuchos::ParameterList& smoother = list.sublist("smoother: params");
  smoother.set("chebyshev: degree", 2);
  smoother.set("chebyshev: ratio eigenvalue", 5.0);
  // Ten power steps leave the largest eigenvalue of quadratic hexes so far underestimated that the
  // smoother, and with it the V-cycle, is not positive definite (cg then stops after 3 iterations).
  smoother.set("chebyshev: eigenvalue max iterations", context.degree > 1 ? 30 : 10);
  if (!symmetric) {
    list.set("smoother: type", "RELAXATION");
    list.remove("smoother: params");
    Teuchos::ParameterList& relaxation = list.sublist("smoother: params");
    relaxation.set("relaxation: type", "Symmetric Gauss-Seidel");
    relaxation.set("relaxation: sweeps", 1);
  }
  if (context.n_components > 1) {
    list.set("number of equations", context.n_components);
    // MueLu's Kokkos kernels cannot drop weak couplings of blocks (13.2: "Block filtering is not
    // implemented"), and they take three times as long for blocks as its older code and give half
    // again as many iterations (P1 tet elasticity, 54,243 unknowns, 2 ranks: 2.5 s and 34 against
    // 0.8 s and 22; with the triple product 4.9 s).
    list.set("aggregation: drop tol", 0.0);
    list.set("use kokkos refactor", false);
    list.set("rap: triple product", false);
    // Several columns in an aggregate are orthogonal only after QR.
    list.set("tentative: calculate qr", true);
  }
  if (!context.near_null_space.empty()) {
    const auto vectors =
        Teuchos::rcp(new la::TpetraVectors(la::row_map(layout), context.near_null_space.size()));
    for (std::size_t k = 0; k < context.near_null_space.size(); ++k) {
      Kokkos::deep_copy(la::view_of(*vectors->getVectorNonConst(k)), context.near_null_space[k]);
    }
    list.sublist("user data").set("Nullspace", vectors);
  }
  const std::string direct_is_wrong = coarse_solver_problem(layout.communicator);
  // Another coarse solver that the user named stays; a wrong KLU2 is replaced by ours below.
  const bool coarse_is_ours =
      !direct_is_wrong.empty() && std::none_of(passed.begin(), passed.end(), [](const auto& one) {
        return one.path.size() == 1 && one.path[0] == "coarse: type" &&
               !one.value.starts_with("KLU") && !one.value.starts_with("Klu");
      });
  list.set("coarse: type", "KLU2");
  if (coarse_is_ours) {
    set_up.notes.push_back("amg: the library's distributed direct solver fails its self-test (" +
                           direct_is_wrong + "), the coarse problem is solved on rank 0 instead");
  }
  // A different smoother does not know the default one's parameters.
  for (const auto& one : passed)
    if (one.path.size() == 1 && one.path[0] == "smoother: type") list.remove("smoother: params");
  put(passed, known_amg(), list);
  if (coarse_is_ours) list.set("coarse: type", "none");

  const Teuchos::RCP<la::TpetraOperator> op = la::tpetra(matrix);
  Teuchos::RCP<MueLuOperator> result =
      MueLu::CreateTpetraPreconditioner<double, LocalId, GlobalId, la::TpetraNode>(op, list);
  const auto hierarchy = result->GetHierarchy();
  if (coarse_is_ours) {
    const auto coarsest = hierarchy->GetLevel(hierarchy->GetNumLevels() - 1);
    const auto coarse_matrix = Teuchos::rcp_dynamic_cast<XpetraMatrix>(
        coarsest->Get<Teuchos::RCP<XpetraOperator>>("A"), true);
    const Teuchos::RCP<MueLuSmoother> coarse = Teuchos::rcp(
        new GatheredCoarse(*MueLuUtilities::Op2TpetraCrs(coarse_matrix), layout.communicator));
    coarsest->Set("PreSmoother", coarse);
  }
  set_up.amg_levels = hierarchy->GetNumLevels();
  set_up.amg_complexity = hierarchy->GetOperatorComplexity();
  set_up.text = fmt::format("amg: {} levels, operator complexity {:.2f}", set_up.amg_levels,
                            set_up.amg_complexity);
  // Coarse matrices, transfers and smoother vectors.
  const double entries = static_cast<double>(matrix.rows().values.extent(0));
  const auto bytes = static_cast<std::size_t>(
      entries * 12 * std::max(0.0, set_up.amg_complexity - 1) + 60.0 * layout.n_owned);
  return std::make_unique<Amg>(la::row_map(layout), result, bytes);
}

}  // namespace ritz::solve
