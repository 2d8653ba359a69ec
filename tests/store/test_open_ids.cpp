#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "ritz/fem/space.hpp"
#include "ritz/mesh/box.hpp"
#include "ritz/store/io_probe.hpp"
#include "ritz/store/result_blocks.hpp"
#include "ritz/store/results.hpp"
#include "writer.hpp"

namespace {

using ritz::base::Error;
using ritz::comm::Communicator;

/// Runs `work` and looks whether it leaves anything open, also where it throws.
void expect_nothing_left(const std::function<void()>& work, bool throws) {
  bool thrown = false;
  try {
    work();
  } catch (const Error&) {
    thrown = true;
  }
  EXPECT_EQ(thrown, throws);
  EXPECT_EQ(ritz::store::n_open_ids(), 0);
}

void write_result(const Communicator& world, const std::string& path) {
  ritz::mesh::Box box;
  box.cell_type = ritz::mesh::CellType::quad;
  box.cells = {3, 2, 1};
  const ritz::mesh::Mesh raw = ritz::mesh::make_box(world, box);
  const ritz::mesh::Mesh mesh = ritz::mesh::distribute(
      raw, std::vector<int>(static_cast<std::size_t>(raw.n_cells_owned), 0), true);
  const ritz::fem::Space space(mesh, 2);
  const std::vector<double> values(static_cast<std::size_t>(space.n_local()), 1.5);
  const ritz::store::ResultField field{"u", values};
  static_cast<void>(ritz::store::write_results(path, mesh, space, std::span(&field, 1),
                                               {{"deck", "title = \"t\"\n"}, {"time", "0.25"}}, 4));
}

TEST(OpenIds, NoneAfterWritingAndReading) {
  const Communicator world = Communicator::world();
  expect_nothing_left([&] { write_result(world, "whole.vtkhdf"); }, false);
  expect_nothing_left(
      [&] {
        const auto contents = ritz::store::read_result_contents(world, "whole.vtkhdf");
        EXPECT_EQ(contents.n_points, 7 * 5);
        EXPECT_EQ(contents.n_cells, 6);
        EXPECT_EQ(contents.fields, std::vector<std::string>{"u"});
        EXPECT_EQ(contents.time, 0.25);
        EXPECT_EQ(contents.deck, "title = \"t\"\n");
        const auto u = ritz::store::read_result_field(world, "whole.vtkhdf", contents, "u");
        EXPECT_EQ(world.sum<std::int64_t>(std::ssize(u)), contents.n_points);
        for (const double value : u) EXPECT_DOUBLE_EQ(value, 1.5);
      },
      false);
  expect_nothing_left([&] { static_cast<void>(ritz::store::probe_io(world, "probe.h5", 1000, 4)); },
                      false);
}

TEST(OpenIds, NoneAfterFailures) {
  const Communicator world = Communicator::world();
  expect_nothing_left([&] { write_result(world, "no/such/folder.vtkhdf"); }, true);
  if (world.is_root()) std::ofstream("foreign.vtkhdf") << "no HDF5";
  world.barrier();
  expect_nothing_left(
      [&] { static_cast<void>(ritz::store::read_result_contents(world, "foreign.vtkhdf")); }, true);
  write_result(world, "other.vtkhdf");
  expect_nothing_left(
      [&] {
        auto contents = ritz::store::read_result_contents(world, "other.vtkhdf");
        contents.n_points += 1;
        static_cast<void>(ritz::store::read_result_points(world, "other.vtkhdf", contents));
      },
      true);
  // Rank by rank, step by step: a failure in the local part of each.
  for (int failing = 0; failing < world.size(); ++failing) {
    for (int step = 0; step < 12; ++step) {
      int n = 0;
      expect_nothing_left(
          [&] {
            ritz::store::Writer writer(world, "part.h5", 4, [&](const std::string&) {
              if (n++ == step && world.rank() == failing)
                throw Error(ritz::base::ExitCode::io, "on purpose");
            });
            writer.group("/a");
            writer.attribute("/a", "text", "t");
            writer.dataset<double>("/a/x", world.size(), 1, world.rank(),
                                   [] { return std::vector<double>{1.0}; });
            writer.text("/a/long", "words");
            writer.close();
          },
          true);
    }
  }
}

}  // namespace
