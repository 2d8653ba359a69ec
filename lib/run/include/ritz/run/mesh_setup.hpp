#pragma once

#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"
#include "ritz/mesh/hierarchy.hpp"
#include "ritz/mesh/mesh.hpp"
#include "ritz/partition/partition.hpp"
#include "ritz/perf/recorder.hpp"

namespace ritz::run {

/// What is known about a mesh without reading its cells.
struct MeshNames {
  int dimension = 0;
  std::vector<std::string> regions;
  std::vector<std::string> sets;  ///< without the deck's own mesh.sets
  GlobalId n_cells = 0;           ///< before refinement
  GlobalId n_nodes = 0;           ///< of a file, used or not; 0 for a box
  GlobalId n_facets = 0;          ///< elements of one dimension less in a file; 0 for a box
  std::string cell_type;
  int geometry_order = 1;
};

/// Names and dimension of the deck's mesh: from the box options, or from the file's header, which
/// rank 0 reads. Collective. Throws Error(mesh) if the file cannot be read.
[[nodiscard]] MeshNames mesh_names(const comm::Communicator& communicator,
                                   const deck::Problem& problem);

/// Makes or reads the mesh, partitions, moves, refines and checks it, and adds the deck's own sets
/// and "rest". Collective. `quality`: of the partition that was used.
/// Throws Error(mesh) for a bad mesh.
[[nodiscard]] mesh::Mesh make_mesh(const comm::Communicator& communicator,
                                   const deck::Problem& problem, perf::Recorder& recorder,
                                   partition::Quality& quality);

/// The same with the coarser meshes that it can be made from by uniform refinement if
/// `with_coarser`, otherwise as a hierarchy of one. Coarser ones have its sets. Collective.
[[nodiscard]] mesh::Hierarchy make_meshes(const comm::Communicator& communicator,
                                          const deck::Problem& problem, bool with_coarser,
                                          perf::Recorder& recorder, partition::Quality& quality);

/// How many coarser meshes make_meshes() finds on so many ranks; 0 for triangles and tets. Local.
[[nodiscard]] int n_coarser_meshes(const deck::Problem& problem, const std::string& cell_type,
                                   int n_ranks);

/// Adds the sets that mesh.sets defines by predicates: the outer facets all of whose vertices, and
/// whose centre, satisfy the condition. Throws Error(deck) if one is empty or its name is taken.
/// Collective.
void add_predicate_sets(mesh::Mesh& mesh, const deck::Problem& problem);

/// Adds the set "rest" (outer facets in no set that a [[boundary]] names) if the deck uses it, and
/// checks that every outer facet has exactly one condition for each unknown: none, or two of which
/// one prescribes the value, is Error(deck) with the number of facets, a place and the names.
/// Collective.
void resolve_boundaries(mesh::Mesh& mesh, const deck::Problem& problem);

/// The axis (0, 1, 2) along which all points of a set's facets have the same coordinate, to 1e-9 of
/// the set's size; -1 if there is none or the set is empty. Collective.
[[nodiscard]] int plane_axis(const mesh::Mesh& mesh, std::int16_t set);

}  // namespace ritz::run
