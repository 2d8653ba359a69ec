// A direct solve (KLU2) of a 64-row one-dimensional Laplacian: the case in which a Trilinos 13.2
// built with optimisation by GCC 12 is silently wrong (relative residual 0.3 on two ranks).
// Exit 0 when the relative residual is at rounding level, 1 when it is not.
#include <Amesos2.hpp>
#include <Tpetra_Core.hpp>
#include <Tpetra_CrsMatrix.hpp>
#include <Tpetra_MultiVector.hpp>

#include <array>
#include <cstdio>

int main(int argc, char** argv) {
  Tpetra::ScopeGuard session(&argc, &argv);
  using Map = Tpetra::Map<int, long long>;
  using Matrix = Tpetra::CrsMatrix<double, int, long long>;
  using Vectors = Tpetra::MultiVector<double, int, long long>;
  constexpr long long n_rows = 64;

  const auto comm = Tpetra::getDefaultComm();
  const auto map = Teuchos::rcp(new Map(n_rows, 0, comm));
  const auto matrix = Teuchos::rcp(new Matrix(map, 3));
  for (long long row = map->getMinGlobalIndex(); row <= map->getMaxGlobalIndex(); ++row) {
    std::array<long long, 3> columns{};
    std::array<double, 3> values{};
    int count = 0;
    for (long long column = row - 1; column <= row + 1; ++column) {
      if (column < 0 || column >= n_rows) continue;
      columns[count] = column;
      values[count++] = column == row ? 2.0 : -1.0;
    }
    matrix->insertGlobalValues(row, count, values.data(), columns.data());
  }
  matrix->fillComplete();

  const auto solution = Teuchos::rcp(new Vectors(map, 1));
  const auto right_side = Teuchos::rcp(new Vectors(map, 1));
  right_side->putScalar(1.0);
  const auto solver = Amesos2::create<Matrix, Vectors>("KLU2", matrix, solution, right_side);
  solver->symbolicFactorization().numericFactorization().solve();

  Vectors residual(*right_side, Teuchos::Copy);
  matrix->apply(*solution, residual, Teuchos::NO_TRANS, -1.0, 1.0);
  std::array<double, 1> residual_norm{};
  std::array<double, 1> right_norm{};
  residual.norm2(Teuchos::arrayView(residual_norm.data(), 1));
  right_side->norm2(Teuchos::arrayView(right_norm.data(), 1));
  const double relative = residual_norm[0] / right_norm[0];
  // The condition number is about 1.7e3; a backward stable solve leaves about 1e-14.
  const bool good = relative < 1e-10;
  if (comm->getRank() == 0) {
    std::printf("direct solve on %d ranks: relative residual %.1e %s\n", comm->getSize(), relative,
                good ? "(good)" : "(WRONG)");
  }
  return good ? 0 : 1;
}
