// PETSc beside Poisson of degree 1: the cube of n^3 bricks, f = 1, zero on the boundary, assembled
// on a DMDA grid, cg to a residual relative to the right-hand side in the unpreconditioned norm.
//   poisson -bricks N -matrix tet|hex [-geometric LEVELS] -samples S -tolerance T [PETSc's options]
// -matrix tet: linear tetrahedra, six a brick around a diagonal: the seven-point matrix;
// -matrix hex: trilinear hexahedra: 21 entries a row.
// -geometric: multigrid on LEVELS grids (PCMG; the grid holds the boundary's vertices, their rows
// are those of the identity and nothing is interpolated to or from them). Otherwise the boundary's
// vertices are eliminated and -pc_type names the preconditioner.
#include <petscdmda.h>
#include <petscksp.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct Problem {
  PetscInt n_bricks = 0;  // a side, of the finest grid
  bool hex = false;
  bool with_boundary = false;
};

[[nodiscard]] double seconds() {
  MPI_Barrier(PETSC_COMM_WORLD);
  return MPI_Wtime();
}

double peak_bytes() {
  std::ifstream file("/proc/self/status");
  double kib = 0, sum = 0;
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmHWM:", 0) == 0) kib = std::stod(line.substr(6));
  MPI_Allreduce(&kib, &sum, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  return 1024 * sum;
}

/// Entry of the matrix, over the width of a brick, between two vertices whose indices differ in
/// `n_differing` directions; the tensor product of the matrices of [0, 1] for hexahedra.
double entry(bool hex, int n_differing) {
  constexpr double of_tets[] = {6, -1, 0, 0};
  constexpr double of_hexes[] = {8.0 / 3, 0, -1.0 / 6, -1.0 / 12};
  return (hex ? of_hexes : of_tets)[n_differing];
}

/// Is a vertex of a grid with the boundary's vertices on the boundary?
bool on_boundary(PetscInt last, PetscInt i, PetscInt j, PetscInt k) {
  return i == 0 || j == 0 || k == 0 || i == last || j == last || k == last;
}

/// The matrix on a grid; `n_bricks` of that grid.
PetscErrorCode assemble(DM grid, const Problem& problem, PetscInt n_bricks, Mat* matrix) {
  DMDALocalInfo info;
  PetscFunctionBeginUser;
  PetscCall(DMCreateMatrix(grid, matrix));
  PetscCall(DMDAGetLocalInfo(grid, &info));
  const double width = 1.0 / static_cast<double>(n_bricks);
  const PetscInt last = info.mx - 1;
  const auto fixed = [&](PetscInt i, PetscInt j, PetscInt k) {
    return problem.with_boundary && on_boundary(last, i, j, k);
  };
  for (PetscInt k = info.zs; k < info.zs + info.zm; ++k)
    for (PetscInt j = info.ys; j < info.ys + info.ym; ++j)
      for (PetscInt i = info.xs; i < info.xs + info.xm; ++i) {
        MatStencil row{}, columns[27]{};
        double values[27];
        PetscInt n = 0;
        row.i = i;
        row.j = j;
        row.k = k;
        for (PetscInt c = -1; c <= 1; ++c)
          for (PetscInt b = -1; b <= 1; ++b)
            for (PetscInt a = -1; a <= 1; ++a) {
              const PetscInt x = i + a, y = j + b, z = k + c;
              const int differing = (a != 0) + (b != 0) + (c != 0);
              if (x < 0 || y < 0 || z < 0 || x > last || y > last || z > last) continue;
              if (differing > 0 && (fixed(i, j, k) || fixed(x, y, z))) continue;
              const double value = width * entry(problem.hex, differing);
              if (value == 0) continue;
              columns[n].i = x;
              columns[n].j = y;
              columns[n].k = z;
              values[n++] = value;
            }
        PetscCall(MatSetValuesStencil(*matrix, 1, &row, n, columns, values, INSERT_VALUES));
      }
  PetscCall(MatAssemblyBegin(*matrix, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*matrix, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/// `inside` at the vertices inside and 0 on the boundary.
PetscErrorCode fill_inside(DM grid, const Problem& problem, double inside, Vec v) {
  DMDALocalInfo info;
  PetscScalar*** values = nullptr;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(grid, &info));
  PetscCall(DMDAVecGetArray(grid, v, &values));
  for (PetscInt k = info.zs; k < info.zs + info.zm; ++k)
    for (PetscInt j = info.ys; j < info.ys + info.ym; ++j)
      for (PetscInt i = info.xs; i < info.xs + info.xm; ++i)
        values[k][j][i] = problem.with_boundary && on_boundary(info.mx - 1, i, j, k) ? 0.0 : inside;
  PetscCall(DMDAVecRestoreArray(grid, v, &values));
  PetscFunctionReturn(0);
}

PetscErrorCode make_grid(const Problem& problem, DM* grid) {
  const PetscInt n = problem.with_boundary ? problem.n_bricks + 1 : problem.n_bricks - 1;
  PetscFunctionBeginUser;
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE,
                         problem.hex ? DMDA_STENCIL_BOX : DMDA_STENCIL_STAR, n, n, n, PETSC_DECIDE,
                         PETSC_DECIDE, PETSC_DECIDE, 1, 1, nullptr, nullptr, nullptr, grid));
  PetscCall(DMSetUp(*grid));
  PetscCall(DMSetMatType(*grid, MATAIJ));
  PetscFunctionReturn(0);
}

/// Matrices of the coarser grids, discretised again, and interpolations between inner vertices.
PetscErrorCode set_up_geometric(DM finest, const Problem& problem, Mat matrix, PetscInt n_levels,
                                PC pc) {
  PetscFunctionBeginUser;
  PetscCall(PCSetType(pc, PCMG));
  PetscCall(PCMGSetLevels(pc, n_levels, nullptr));
  PetscCall(PCMGSetGalerkin(pc, PC_MG_GALERKIN_NONE));
  DM fine = finest;
  PetscCall(PetscObjectReference(reinterpret_cast<PetscObject>(fine)));
  Mat of_level = matrix;
  PetscCall(PetscObjectReference(reinterpret_cast<PetscObject>(of_level)));
  PetscInt n_bricks = problem.n_bricks;
  for (PetscInt level = n_levels - 1; level >= 0; --level) {
    KSP smoother = nullptr;
    PetscCall(PCMGGetSmoother(pc, level, &smoother));
    PetscCall(KSPSetOperators(smoother, of_level, of_level));
    PetscCall(MatDestroy(&of_level));
    if (level == 0) break;
    DM coarse = nullptr;
    Mat interpolation = nullptr;
    Vec fine_inside = nullptr, coarse_inside = nullptr;
    PetscCall(DMCoarsen(fine, PETSC_COMM_WORLD, &coarse));
    PetscCall(DMSetMatType(coarse, MATAIJ));
    PetscCall(DMCreateInterpolation(coarse, fine, &interpolation, nullptr));
    PetscCall(DMCreateGlobalVector(fine, &fine_inside));
    PetscCall(DMCreateGlobalVector(coarse, &coarse_inside));
    PetscCall(fill_inside(fine, problem, 1.0, fine_inside));
    PetscCall(fill_inside(coarse, problem, 1.0, coarse_inside));
    PetscCall(MatDiagonalScale(interpolation, fine_inside, coarse_inside));
    PetscCall(PCMGSetInterpolation(pc, level, interpolation));
    n_bricks /= 2;
    PetscCall(assemble(coarse, problem, n_bricks, &of_level));
    PetscCall(MatDestroy(&interpolation));
    PetscCall(VecDestroy(&fine_inside));
    PetscCall(VecDestroy(&coarse_inside));
    PetscCall(DMDestroy(&fine));
    fine = coarse;
  }
  PetscCall(DMDestroy(&fine));
  PetscFunctionReturn(0);
}

/// Value at the vertex in the middle of the cube.
PetscErrorCode centre_value(DM grid, const Problem& problem, Vec x, double* value) {
  DMDALocalInfo info;
  const PetscScalar*** values = nullptr;
  PetscFunctionBeginUser;
  const PetscInt m = problem.n_bricks / 2 - (problem.with_boundary ? 0 : 1);
  PetscCall(DMDAGetLocalInfo(grid, &info));
  PetscCall(DMDAVecGetArrayRead(grid, x, &values));
  const bool here = m >= info.xs && m < info.xs + info.xm && m >= info.ys &&
                    m < info.ys + info.ym && m >= info.zs && m < info.zs + info.zm;
  *value = here ? values[m][m][m] : 0.0;  // the solution is positive
  PetscCall(DMDAVecRestoreArrayRead(grid, x, &values));
  MPI_Allreduce(MPI_IN_PLACE, value, 1, MPI_DOUBLE, MPI_MAX, PETSC_COMM_WORLD);
  PetscFunctionReturn(0);
}

PetscErrorCode run() {
  Problem problem;
  PetscInt n_samples = 1, n_levels = 0;
  PetscReal tolerance = 1e-8;
  char matrix_name[16] = "tet";
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetInt(nullptr, nullptr, "-bricks", &problem.n_bricks, nullptr));
  PetscCall(
      PetscOptionsGetString(nullptr, nullptr, "-matrix", matrix_name, sizeof matrix_name, nullptr));
  PetscCall(PetscOptionsGetInt(nullptr, nullptr, "-geometric", &n_levels, nullptr));
  PetscCall(PetscOptionsGetInt(nullptr, nullptr, "-samples", &n_samples, nullptr));
  PetscCall(PetscOptionsGetReal(nullptr, nullptr, "-tolerance", &tolerance, nullptr));
  problem.hex = std::strcmp(matrix_name, "hex") == 0;
  problem.with_boundary = n_levels > 0;
  PetscCheck(problem.n_bricks >= 2 && problem.n_bricks % 2 == 0, PETSC_COMM_WORLD,
             PETSC_ERR_ARG_OUTOFRANGE, "-bricks must be even and at least 2");

  double start = seconds();
  DM grid = nullptr;
  Mat matrix = nullptr;
  Vec b = nullptr, x = nullptr, r = nullptr;
  PetscCall(make_grid(problem, &grid));
  const double grid_seconds = seconds() - start;
  start = seconds();
  PetscCall(assemble(grid, problem, problem.n_bricks, &matrix));
  const double assembly_seconds = seconds() - start;
  PetscCall(DMCreateGlobalVector(grid, &b));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(VecDuplicate(b, &r));
  const double width = 1.0 / static_cast<double>(problem.n_bricks);
  PetscCall(fill_inside(grid, problem, width * width * width, b));

  KSP ksp = nullptr;
  PC pc = nullptr;
  start = seconds();
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetOperators(ksp, matrix, matrix));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(ksp, tolerance, 1e-50, 1e5, 500));
  PetscCall(KSPGetPC(ksp, &pc));
  if (n_levels > 0) PetscCall(set_up_geometric(grid, problem, matrix, n_levels, pc));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetUp(ksp));
  PetscCall(PCSetUpOnBlocks(pc));
  const double setup_seconds = seconds() - start;
  std::vector<double> samples;
  PetscInt iterations = 0;
  for (PetscInt sample = 0; sample <= n_samples; ++sample) {  // the first warms up
    PetscCall(VecSet(x, 0.0));
    start = seconds();
    PetscCall(KSPSolve(ksp, b, x));
    const double time = seconds() - start;
    if (sample > 0) samples.push_back(time);
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCheck(reason > 0, PETSC_COMM_WORLD, PETSC_ERR_NOT_CONVERGED, "not converged: %s",
               KSPConvergedReasons[reason]);
    PetscCall(KSPGetIterationNumber(ksp, &iterations));
  }
  PetscReal residual = 0, load = 0;
  double centre = 0;
  PetscInt n_unknowns = 0;
  PetscCall(MatMult(matrix, x, r));
  PetscCall(VecAXPY(r, -1.0, b));
  PetscCall(VecNorm(r, NORM_2, &residual));
  PetscCall(VecNorm(b, NORM_2, &load));
  PetscCall(VecGetSize(x, &n_unknowns));
  PetscCall(centre_value(grid, problem, x, &centre));
  std::string list;
  for (const double time : samples) {
    char text[40];
    std::snprintf(text, sizeof text, "%s%.9g", list.empty() ? "" : ", ", time);
    list += text;
  }
  const double peak = peak_bytes();
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
                        "{\"precision\": \"double\", \"bricks\": %d, \"unknowns_solved\": %d, "
                        "\"seconds\": [%s], \"grid\": %.9g, \"assembly\": %.9g, \"setup\": %.9g, "
                        "\"iterations\": %d, \"true_residual\": %.9g, \"centre\": %.12g, "
                        "\"peak_bytes\": %.12g}\n",
                        static_cast<int>(problem.n_bricks), static_cast<int>(n_unknowns),
                        list.c_str(), grid_seconds, assembly_seconds, setup_seconds,
                        static_cast<int>(iterations), static_cast<double>(residual / load), centre,
                        peak));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&matrix));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&r));
  PetscCall(DMDestroy(&grid));
  PetscFunctionReturn(0);
}

}  // namespace

int main(int n_arguments, char** arguments) {
  if (PetscInitialize(&n_arguments, &arguments, nullptr, nullptr) != 0) return 1;
  if (run() != 0) return 1;
  return PetscFinalize() == 0 ? 0 : 1;
}
