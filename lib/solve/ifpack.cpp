#include <Ifpack2_Factory.hpp>
#include <Ifpack2_Preconditioner.hpp>

#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/la/tpetra.hpp"
#include "ritz/la/vector.hpp"
#include "teuchos_lists.hpp"

namespace ritz::solve {

namespace {

using Ifpack = Ifpack2::Preconditioner<double, LocalId, GlobalId, la::TpetraNode>;
using RowMatrix = Tpetra::RowMatrix<double, LocalId, GlobalId, la::TpetraNode>;

class FromIfpack final : public la::Preconditioner {
 public:
  FromIfpack(Teuchos::RCP<const la::TpetraMap> map, Teuchos::RCP<Ifpack> ifpack, std::size_t bytes)
      : map_(std::move(map)), ifpack_(std::move(ifpack)), bytes_(bytes) {}
  void apply(const la::Vector& r, const la::Vector& z) const override {
    ifpack_->apply(*la::tpetra(map_, r), *la::tpetra(map_, z));
  }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

 private:
  Teuchos::RCP<const la::TpetraMap> map_;
  Teuchos::RCP<Ifpack> ifpack_;
  std::size_t bytes_;
};

}  // namespace

std::unique_ptr<la::Preconditioner> make_chebyshev(const la::Matrix& matrix, const Passed& passed,
                                                   SetUp& set_up) {
  Teuchos::ParameterList list;
  list.set("chebyshev: degree", 4);
  list.set("chebyshev: ratio eigenvalue", 30.0);
  put(passed, known_chebyshev(), list);
  const Teuchos::RCP<const RowMatrix> rows = la::tpetra(matrix);
  const Teuchos::RCP<Ifpack> chebyshev = Ifpack2::Factory::create<RowMatrix>("CHEBYSHEV", rows);
  chebyshev->setParameters(list);
  refuse_unread(passed, list, "Ifpack2's chebyshev");
  chebyshev->initialize();
  chebyshev->compute();
  set_up.text = fmt::format("chebyshev of degree {}", list.get<int>("chebyshev: degree"));
  return std::make_unique<FromIfpack>(
      la::row_map(matrix.layout()), chebyshev,
      4 * sizeof(double) * static_cast<std::size_t>(matrix.layout().n_owned));
}

std::unique_ptr<la::Preconditioner> make_ilu(const la::Matrix& matrix, const Passed& passed,
                                             SetUp& set_up) {
  Teuchos::ParameterList given;
  put(passed, known_ilu(), given);
  // ILUT is asked for by naming one of its parameters.
  const bool ilut =
      given.isParameter("fact: ilut level-of-fill") || given.isParameter("fact: drop tolerance");
  Teuchos::ParameterList inner, list;
  if (!ilut) inner.set("fact: iluk level-of-fill", 0);
  for (auto entry = given.begin(); entry != given.end(); ++entry) {
    const std::string& name = given.name(entry);
    (name.rfind("schwarz:", 0) == 0 ? list : inner).setEntry(name, given.entry(entry));
  }
  const Teuchos::RCP<const RowMatrix> rows = la::tpetra(matrix);
  Teuchos::RCP<Ifpack> ilu;
  const char* kind = ilut ? "ILUT" : "RILUK";
  if (matrix.layout().communicator.size() == 1 && list.numParams() == 0) {
    ilu = Ifpack2::Factory::create<RowMatrix>(kind, rows);
    ilu->setParameters(inner);
    refuse_unread(passed, inner, std::string("Ifpack2's ") + kind);
  } else {
    ilu = Ifpack2::Factory::create<RowMatrix>("SCHWARZ", rows);
    if (!list.isParameter("schwarz: overlap level")) list.set("schwarz: overlap level", 0);
    // ZERO keeps the sum over ranks symmetric, as cg needs.
    if (!list.isParameter("schwarz: combine mode")) list.set("schwarz: combine mode", "ZERO");
    list.set("inner preconditioner name", kind);
    list.set("inner preconditioner parameters", inner);
    ilu->setParameters(list);
  }
  ilu->initialize();
  ilu->compute();
  set_up.text =
      fmt::format("ilu: {}{}", ilut ? "ILUT" : "ILU(k)",
                  matrix.layout().communicator.size() > 1 ? ", additive Schwarz over ranks" : "");
  return std::make_unique<FromIfpack>(la::row_map(matrix.layout()), ilu,
                                      matrix.rows().values.extent(0) * 20);
}

}  // namespace ritz::solve
