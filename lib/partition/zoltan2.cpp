#include <Teuchos_DefaultMpiComm.hpp>
#include <Zoltan2_BasicVectorAdapter.hpp>
#include <Zoltan2_MatrixAdapter.hpp>
#include <Zoltan2_PartitioningProblem.hpp>
#include <Zoltan2_PartitioningSolution.hpp>
#include <string>

#include "methods.hpp"
#include "ritz/base/error.hpp"

namespace ritz::partition {

namespace {

using Types = Zoltan2::BasicUserTypes<double, LocalId, GlobalId>;

/// Cells as rows, nets as columns: PHG's vertices and hyperedges.
class Incidence final : public Zoltan2::MatrixAdapter<Types> {
 public:
  explicit Incidence(const Problem& problem) : problem_(problem) {}

  std::size_t getLocalNumRows() const override { return problem_.ids.size(); }
  std::size_t getLocalNumColumns() const override { return 0; }  // not asked for by PHG
  std::size_t getLocalNumEntries() const override { return problem_.nets.size(); }
  bool CRSViewAvailable() const override { return true; }
  void getRowIDsView(const gno_t*& ids) const override { ids = problem_.ids.data(); }
  void getCRSView(Teuchos::ArrayRCP<const offset_t>& offsets,
                  Teuchos::ArrayRCP<const gno_t>& ids) const override {
    offsets = Teuchos::arcp(problem_.net_offsets.data(), 0,
                            static_cast<Teuchos::Ordinal>(problem_.net_offsets.size()), false);
    ids = Teuchos::arcp(problem_.nets.data(), 0,
                        static_cast<Teuchos::Ordinal>(problem_.nets.size()), false);
  }
  int getNumWeightsPerRow() const override { return problem_.weights.empty() ? 0 : 1; }
  void getRowWeightsView(const scalar_t*& weights, int& stride, int = 0) const override {
    weights = problem_.weights.data();
    stride = 1;
  }
  bool useNumNonzerosAsRowWeight(int) const override { return false; }

 private:
  const Problem& problem_;
};

template <class Adapter>
std::vector<int> solve(Adapter& adapter, Teuchos::ParameterList& parameters,
                       const Problem& problem) {
  parameters.set("num_global_parts", problem.communicator.size());
  // Ask for a little more than is needed: what comes back is measured.
  parameters.set("imbalance_tolerance", 1.0 + 0.5 * (problem.max_imbalance - 1.0));
  Zoltan2::PartitioningProblem<Adapter> partitioning(
      &adapter, &parameters,
      Teuchos::rcp(new Teuchos::MpiComm<int>(problem.communicator.handle())));
  partitioning.solve();
  const auto* parts = partitioning.getSolution().getPartListView();
  return std::vector<int>(parts, parts + (parts == nullptr ? 0 : problem.ids.size()));
}

}  // namespace

std::vector<int> zoltan2(const Problem& problem, deck::PartitionMethod method) {
  Teuchos::ParameterList parameters;
  parameters.set("error_check_level", "no_assertions");
  parameters.set("debug_level", "no_status");
  if (method == deck::PartitionMethod::graph || method == deck::PartitionMethod::hypergraph) {
    Incidence adapter(problem);
    parameters.set("algorithm", "phg");
    parameters.set("model", "hypergraph");
    auto& zoltan = parameters.sublist("zoltan_parameters");
    zoltan.set("DEBUG_LEVEL", "0");
    zoltan.set("SEED", "1234567");  // the same partition in every run
    return solve(adapter, parameters, problem);
  }
  const std::size_t n = problem.ids.size();
  std::vector<const double*> directions;
  for (int d = 0; d < problem.dimension; ++d)
    directions.push_back(problem.coordinates.data() + static_cast<std::size_t>(d) * n);
  std::vector<int> strides(directions.size(), 1);
  std::vector<const double*> weights;
  std::vector<int> weight_strides;
  if (!problem.weights.empty()) {
    weights.push_back(problem.weights.data());
    weight_strides.push_back(1);
  }
  Zoltan2::BasicVectorAdapter<Types> adapter(static_cast<LocalId>(n), problem.ids.data(),
                                             directions, strides, weights, weight_strides);
  if (method == deck::PartitionMethod::rcb) {
    parameters.set("algorithm", "rcb");
    parameters.sublist("zoltan_parameters").set("DEBUG_LEVEL", "0");
  } else {
    parameters.set("algorithm", "multijagged");
    // Migrating the points between the cuts costs more than it saves: we move whole cells
    // afterwards.
    parameters.set("mj_migration_option", 2);
  }
  return solve(adapter, parameters, problem);
}

}  // namespace ritz::partition
