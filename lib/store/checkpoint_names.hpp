#pragma once

// Where things stand in a checkpoint file; private to room store.

#include <string>

namespace ritz::store {

constexpr const char* state_group = "/ritz/state";
constexpr const char* field_group = "/ritz/state/fields";
constexpr const char* fact_group = "/ritz/state/facts";
constexpr const char* cell_rank_name = "/ritz/state/cell_rank";
constexpr const char* numbers_name = "/ritz/state/numbers";
constexpr const char* number_names = "/ritz/state/number_names";
/// In a marker, with the pieces of the file that are no numbers of large datasets: " ADDRESS+BYTES"
/// of each.
constexpr const char* metadata_name = "metadata";
constexpr const char* field_names = "/ritz/state/field_names";

[[nodiscard]] inline std::string field_path(const std::string& name) {
  return std::string(field_group) + "/" + name;
}

}  // namespace ritz::store
