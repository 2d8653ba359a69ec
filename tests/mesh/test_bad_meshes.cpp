// Meshes that must be refused: with the right words, on every rank, and never with a crash, a hang
// or a large allocation. The files are in bad/, made by bad/make.py; bad/expected.txt has the
// answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <map>
#include <optional>
#include <random>

#include "gmsh_files.hpp"
#include "ritz/mesh/gmsh.hpp"

namespace ritz::mesh {
namespace {

using test::contents_of;
using test::data_file;
using test::everybody;
using test::write_file;
using ::testing::StartsWith;

const std::string& folder() {
  static const std::string path = std::string(RITZ_SOURCE_DIR) + "/tests/mesh/bad/";
  return path;
}

/// What the reader says to a file on these ranks; nothing if it takes it.
std::optional<base::Error> answer(const comm::Communicator& communicator, const std::string& path) {
  try {
    (void)read_gmsh(communicator, path);
  } catch (const base::Error& error) {
    return error;
  }
  return std::nullopt;
}

std::map<std::string, std::string> expected_answers() {
  std::map<std::string, std::string> result;
  std::istringstream lines(contents_of(folder() + "expected.txt"));
  for (std::string line; std::getline(lines, line);) {
    result[line.substr(0, line.find(':'))] = line;
  }
  return result;
}

TEST(BadMeshes, each_is_refused_with_its_message_on_every_rank) {
  const auto expected = expected_answers();
  ASSERT_GE(expected.size(), 40U);
  for (const auto& [name, message] : expected) {
    const auto error = answer(everybody(), folder() + name);
    ASSERT_TRUE(error) << name << " was taken";
    EXPECT_EQ(error->code(), base::ExitCode::mesh) << name;
    EXPECT_EQ(error->what(), folder() + message);
  }
}

TEST(BadMeshes, every_file_has_an_expected_message) {
  const auto expected = expected_answers();
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".msh") continue;
    ++n;
    EXPECT_EQ(expected.count(entry.path().filename()), 1U) << entry.path();
  }
  EXPECT_EQ(n, expected.size());
}

TEST(BadMeshes, the_header_scan_ends_with_an_error_or_names) {
  for (const auto& [name, message] : expected_answers()) {
    try {
      (void)read_gmsh_header(folder() + name);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ExitCode::mesh) << name;
      EXPECT_THAT(error.what(), StartsWith(folder() + name + ":")) << name;
    }
  }
}

TEST(BadMeshes, files_that_cannot_be_opened) {
  const auto missing = answer(everybody(), "no_such_file.msh");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code(), base::ExitCode::mesh);
  EXPECT_STREQ(missing->what(),
               "no_such_file.msh: cannot open the mesh file: No such file or directory");
  const auto is_folder = answer(everybody(), "/tmp");
  ASSERT_TRUE(is_folder);
  EXPECT_STREQ(is_folder->what(), "/tmp: is a folder; give the .msh file in it");
  const auto device = answer(everybody(), "/dev/zero");
  ASSERT_TRUE(device);
  EXPECT_STREQ(device->what(), "/dev/zero: is not a regular file");
}

/// Cut anywhere before its last character that is not blank, a file is refused.
void cut_everywhere(const comm::Communicator& communicator, const std::string& path,
                    std::size_t step) {
  const std::string whole = contents_of(path);
  const std::size_t end = whole.find_last_not_of(" \r\n");
  ASSERT_NE(end, std::string::npos);
  const std::string name = "cut." + std::to_string(everybody().size()) + ".msh";
  for (std::size_t n = 0;; n = std::min(n + step, end)) {
    const auto error = answer(communicator, write_file(name, whole.substr(0, n)));
    ASSERT_TRUE(error) << path << " cut at byte " << n << " was taken";
    ASSERT_EQ(error->code(), base::ExitCode::mesh) << n << ": " << error->what();
    communicator.barrier();
    if (n == end) break;  // all but the last character
  }
}

TEST(BadMeshes, truncated_anywhere) {
  const auto self = comm::Communicator::self();
  // Every byte of the small ones on one rank, some bytes of larger ones on all.
  if (everybody().size() == 1) {
    for (const char* name : {"line1.msh22.text.msh", "line1.msh41.text.msh",
                             "line1.msh22.binary.msh", "line1.msh41.binary.msh"}) {
      cut_everywhere(self, data_file(name), 1);
    }
    for (const char* name : {"quad1.msh41.binary.msh", "tri1.msh22.binary.msh"}) {
      cut_everywhere(self, data_file(name), 11);
    }
    for (const char* name :
         {"tri1.partitioned.msh", "tet1.partitioned.msh", "hex2.msh41.binary.msh"}) {
      // $GhostElements and the like follow the elements: nobody misses them. Stop at the elements'
      // end.
      std::string text = contents_of(data_file(name));
      text.resize(text.find("$EndElements") + 12);
      cut_everywhere(self, write_file("to_elements.msh", text), 97);
    }
  }
  cut_everywhere(everybody(), data_file("hex1.msh22.binary.msh"), 211);
  cut_everywhere(everybody(), data_file("tri1.msh41.text.msh"), 307);
}

/// One flipped bit, or a few bytes of noise, must give a mesh or an error, in bounded memory.
TEST(BadMeshes, noise_gives_a_mesh_or_an_error) {
  std::mt19937 random(20240917);
  int n_refused = 0, n_taken = 0;
  const int n_tries = everybody().size() == 1 ? 400 : 40;
  const std::string own = "noise." + std::to_string(everybody().size()) + ".msh";
  for (const char* name :
       {"line2.msh22.binary.msh", "tri1.msh41.binary.msh", "quad1.msh22.text.msh",
        "tri1.msh41.text.msh", "hex1.msh41.binary.msh", "tri1.partitioned.msh"}) {
    const std::string whole = contents_of(data_file(name));
    for (int i = 0; i < n_tries; ++i) {
      std::string noisy = whole;
      const int n_changes = i % 4 == 3 ? 8 : 1;
      for (int k = 0; k < n_changes; ++k) {
        char& byte = noisy[random() % noisy.size()];
        byte = i % 2 == 0 ? static_cast<char>(byte ^ (1 << random() % 8))
                          : static_cast<char>(random());
      }
      const auto error = answer(everybody(), write_file(own, noisy));
      if (!error) {
        ++n_taken;
        continue;
      }
      ++n_refused;
      ASSERT_EQ(error->code(), base::ExitCode::mesh)
          << name << " try " << i << ": " << error->what();
      everybody().barrier();
    }
  }
  // Most changes meet a coordinate or a number that must fit; some digits of coordinates do not
  // matter.
  EXPECT_GT(n_refused, n_taken / 4);
  EXPECT_GT(n_taken, 0);
  rusage usage{};
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 1 << 20) << "more than 1 GiB";  // in KiB
}

}  // namespace
}  // namespace ritz::mesh
