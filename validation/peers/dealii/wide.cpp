// Parts of MatrixFree that the packaged library holds for its own width of VectorizedArray only.
// The first is used where the geometry is set up; faces and hanging nodes do not occur in our
// programs, so that what would serve them only has to exist.
#define FE_EVAL_FACTORY_DEGREE_MAX 4
#include <deal.II/matrix_free/evaluation_template_factory.h>
#include <deal.II/matrix_free/evaluation_template_factory.templates.h>

#include <array>
#include <cstdlib>

DEAL_II_NAMESPACE_OPEN
namespace internal {

using Doubles = VectorizedArray<double>;
using Floats = VectorizedArray<float>;
template <class Pack>
using Kinds = std::array<MatrixFreeFunctions::compressed_constraint_kind, Pack::size()>;

template void FEEvaluationFactory<3, Doubles>::evaluate(const unsigned int,
                                                        const EvaluationFlags::EvaluationFlags,
                                                        const Doubles*,
                                                        FEEvaluationData<3, Doubles, false>&);

template <>
void FEFaceEvaluationFactory<3, Doubles>::evaluate(const unsigned int,
                                                   const EvaluationFlags::EvaluationFlags,
                                                   const Doubles*,
                                                   FEEvaluationData<3, Doubles, true>&) {
  std::abort();
}

template <>
void FEEvaluationHangingNodesFactory<3, double, Doubles>::apply(
    const unsigned int, const unsigned int, const MatrixFreeFunctions::ShapeInfo<Doubles>&,
    const bool, const Kinds<Doubles>&, Doubles*) {
  std::abort();
}

template <>
void FEEvaluationHangingNodesFactory<3, float, Floats>::apply(
    const unsigned int, const unsigned int, const MatrixFreeFunctions::ShapeInfo<Floats>&,
    const bool, const Kinds<Floats>&, Floats*) {
  std::abort();
}

}  // namespace internal
DEAL_II_NAMESPACE_CLOSE
