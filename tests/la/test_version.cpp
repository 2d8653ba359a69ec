#include "ritz/la/version.hpp"

#include <gtest/gtest.h>

#include <regex>

TEST(Version, IsANumber) {
  // What we support begins with 13: older releases have no such Tpetra.
  const std::string version = ritz::la::trilinos_version();
  EXPECT_TRUE(std::regex_match(version, std::regex("[0-9]+(\\.[0-9]+)+"))) << version;
  EXPECT_GE(std::stoi(version), 13) << version;
}
