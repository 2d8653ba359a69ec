// PETSc beside elasticity of degree 1: the cube of n^3 bricks, six tetrahedra each around the
// diagonal, Young's modulus 1, Poisson's ratio 0.3, the side x = 0 held, body force (0, 0, -1); cg
// to a residual relative to the right-hand side in the unpreconditioned norm, rigid body motions as
// near null space.
//   elasticity -bricks N -samples S -tolerance T [PETSc's options]
#include <petscdmda.h>
#include <petscksp.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

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

/// A tetrahedron of a brick: the path from corner 0 to 7 along the axes in some order; corners as
/// x + 2 y + 4 z. On a brick of width 1 the gradients of its shape functions are differences of
/// unit vectors along the path.
struct Tetrahedron {
  int corner[4];
  double gradient[4][3];
};

std::vector<Tetrahedron> tetrahedra() {
  std::vector<Tetrahedron> all;
  int axes[3] = {0, 1, 2};
  do {
    Tetrahedron one{};
    for (int i = 0; i < 3; ++i) {
      one.corner[i + 1] = one.corner[i] + (1 << axes[i]);
      // The coordinate along axes[i] falls from node i to those before it.
      one.gradient[i][axes[i]] -= 1;
      one.gradient[i + 1][axes[i]] += 1;
    }
    all.push_back(one);
  } while (std::next_permutation(axes, axes + 3));
  return all;
}

/// [4 * 3][4 * 3] for a brick of this width.
std::vector<double> element_matrix(const Tetrahedron& t, double width) {
  constexpr double young = 1, poisson = 0.3;
  constexpr double lambda = young * poisson / ((1 + poisson) * (1 - 2 * poisson));
  constexpr double mu = young / (2 * (1 + poisson));
  const double volume = width / 6;  // and width^-2 of the gradients
  std::vector<double> k(144);
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) {
      const double *const ga = t.gradient[a], *const gb = t.gradient[b];
      const double dot = ga[0] * gb[0] + ga[1] * gb[1] + ga[2] * gb[2];
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j)
          k[static_cast<std::size_t>((a * 3 + i) * 12 + b * 3 + j)] =
              volume * (lambda * ga[i] * gb[j] + mu * ga[j] * gb[i] + (i == j ? mu * dot : 0.0));
    }
  return k;
}

/// Matrix and load; the rows of held vertices are those of the identity, their columns zero.
PetscErrorCode assemble(DM grid, PetscInt n_bricks, Mat matrix, Vec load) {
  DMDALocalInfo info;
  PetscScalar**** force = nullptr;
  Vec local = nullptr;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(grid, &info));
  const double width = 1.0 / static_cast<double>(n_bricks);
  const std::vector<Tetrahedron> all = tetrahedra();
  std::vector<std::vector<double>> matrices;
  for (const Tetrahedron& one : all) matrices.push_back(element_matrix(one, width));
  PetscCall(DMGetLocalVector(grid, &local));
  PetscCall(VecSet(local, 0.0));
  PetscCall(DMDAVecGetArrayDOF(grid, local, &force));
  // Bricks belong to the owner of their lowest corner.
  const PetscInt x_end = std::min(info.xs + info.xm, n_bricks),
                 y_end = std::min(info.ys + info.ym, n_bricks),
                 z_end = std::min(info.zs + info.zm, n_bricks);
  std::vector<double> values(144);
  for (PetscInt z = info.zs; z < z_end; ++z)
    for (PetscInt y = info.ys; y < y_end; ++y)
      for (PetscInt x = info.xs; x < x_end; ++x)
        for (std::size_t t = 0; t < all.size(); ++t) {
          MatStencil places[4]{};
          bool held[4];
          for (int a = 0; a < 4; ++a) {
            const int corner = all[t].corner[a];
            places[a].i = x + (corner & 1);
            places[a].j = y + (corner >> 1 & 1);
            places[a].k = z + (corner >> 2);
            held[a] = places[a].i == 0;
            if (!held[a])
              force[places[a].k][places[a].j][places[a].i][2] -= width * width * width / 24;
          }
          values = matrices[t];
          if (x == 0) {
            for (int i = 0; i < 12; ++i)
              for (int j = 0; j < 12; ++j) {
                if (!held[i / 3] && !held[j / 3]) continue;
                values[static_cast<std::size_t>(i * 12 + j)] = 0;
              }
          }
          PetscCall(
              MatSetValuesBlockedStencil(matrix, 4, places, 4, places, values.data(), ADD_VALUES));
        }
  if (info.xs == 0) {
    const double one[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (PetscInt z = info.zs; z < info.zs + info.zm; ++z)
      for (PetscInt y = info.ys; y < info.ys + info.ym; ++y) {
        MatStencil place{};
        place.j = y;
        place.k = z;
        PetscCall(MatSetValuesBlockedStencil(matrix, 1, &place, 1, &place, one, ADD_VALUES));
      }
  }
  PetscCall(DMDAVecRestoreArrayDOF(grid, local, &force));
  PetscCall(VecSet(load, 0.0));
  PetscCall(DMLocalToGlobal(grid, local, ADD_VALUES, load));
  PetscCall(DMRestoreLocalVector(grid, &local));
  PetscCall(MatAssemblyBegin(matrix, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(matrix, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/// u_z at the vertex in the middle.
PetscErrorCode centre_value(DM grid, PetscInt n_bricks, Vec x, double* value) {
  DMDALocalInfo info;
  PetscScalar**** values = nullptr;
  double mine = 0;
  const PetscInt middle = n_bricks / 2;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(grid, &info));
  PetscCall(DMDAVecGetArrayDOFRead(grid, x, &values));
  if (middle >= info.xs && middle < info.xs + info.xm && middle >= info.ys &&
      middle < info.ys + info.ym && middle >= info.zs && middle < info.zs + info.zm)
    mine = values[middle][middle][middle][2];
  PetscCall(DMDAVecRestoreArrayDOFRead(grid, x, &values));
  MPI_Allreduce(&mine, value, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  PetscFunctionReturn(0);
}

PetscErrorCode run() {
  PetscInt n_bricks = 0, n_samples = 1;
  PetscReal tolerance = 1e-8;
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetInt(nullptr, nullptr, "-bricks", &n_bricks, nullptr));
  PetscCall(PetscOptionsGetInt(nullptr, nullptr, "-samples", &n_samples, nullptr));
  PetscCall(PetscOptionsGetReal(nullptr, nullptr, "-tolerance", &tolerance, nullptr));
  PetscCheck(n_bricks >= 2 && n_bricks % 2 == 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-bricks must be even and at least 2");
  double start = seconds();
  DM grid = nullptr;
  Mat matrix = nullptr;
  Vec b = nullptr, x = nullptr, r = nullptr, coordinates = nullptr;
  MatNullSpace motions = nullptr;
  const PetscInt n = n_bricks + 1;
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE,
                         DMDA_STENCIL_BOX, n, n, n, PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 3, 1,
                         nullptr, nullptr, nullptr, &grid));
  PetscCall(DMSetUp(grid));
  PetscCall(DMSetMatType(grid, MATAIJ));
  PetscCall(DMDASetUniformCoordinates(grid, 0, 1, 0, 1, 0, 1));
  // Without the entries that the box stencil has and the tetrahedra have not.
  PetscCall(DMSetMatrixPreallocateOnly(grid, PETSC_TRUE));
  PetscCall(DMCreateMatrix(grid, &matrix));
  PetscCall(DMCreateGlobalVector(grid, &b));
  const double grid_seconds = seconds() - start;
  start = seconds();
  PetscCall(assemble(grid, n_bricks, matrix, b));
  const double assembly_seconds = seconds() - start;
  PetscCall(DMGetCoordinates(grid, &coordinates));
  PetscCall(MatNullSpaceCreateRigidBody(coordinates, &motions));
  PetscCall(MatSetNearNullSpace(matrix, motions));
  PetscCall(MatSetOption(matrix, MAT_SPD, PETSC_TRUE));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(VecDuplicate(b, &r));

  KSP ksp = nullptr;
  start = seconds();
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetOperators(ksp, matrix, matrix));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(ksp, tolerance, 1e-50, 1e5, 500));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetUp(ksp));
  const double setup_seconds = seconds() - start;
  std::string list;
  PetscInt iterations = 0;
  for (PetscInt sample = 0; sample <= n_samples; ++sample) {  // the first warms up
    PetscCall(VecSet(x, 0.0));
    start = seconds();
    PetscCall(KSPSolve(ksp, b, x));
    const double time = seconds() - start;
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCheck(reason > 0, PETSC_COMM_WORLD, PETSC_ERR_NOT_CONVERGED, "not converged: %s",
               KSPConvergedReasons[reason]);
    PetscCall(KSPGetIterationNumber(ksp, &iterations));
    if (sample == 0) continue;
    char text[40];
    std::snprintf(text, sizeof text, "%s%.9g", list.empty() ? "" : ", ", time);
    list += text;
  }
  PetscReal residual = 0, load = 0;
  double centre = 0;
  PetscInt n_unknowns = 0;
  PetscCall(MatMult(matrix, x, r));
  PetscCall(VecAXPY(r, -1.0, b));
  PetscCall(VecNorm(r, NORM_2, &residual));
  PetscCall(VecNorm(b, NORM_2, &load));
  PetscCall(VecGetSize(x, &n_unknowns));
  PetscCall(centre_value(grid, n_bricks, x, &centre));
  const double peak = peak_bytes();
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
                        "{\"precision\": \"double\", \"bricks\": %d, \"unknowns_solved\": %d, "
                        "\"seconds\": [%s], \"grid\": %.9g, \"assembly\": %.9g, \"setup\": %.9g, "
                        "\"iterations\": %d, \"true_residual\": %.9g, \"centre\": %.12g, "
                        "\"peak_bytes\": %.12g}\n",
                        static_cast<int>(n_bricks), static_cast<int>(n_unknowns), list.c_str(),
                        grid_seconds, assembly_seconds, setup_seconds, static_cast<int>(iterations),
                        static_cast<double>(residual / load), centre, peak));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatNullSpaceDestroy(&motions));
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
