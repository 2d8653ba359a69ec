#pragma once

// Decks for the tests of this room.

#include <optional>
#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/deck/parse.hpp"

namespace ritz::test {

/// The problem of a deck's text; throws Error(deck) if it has mistakes. `file`: paths in the deck
/// are relative to its folder.
inline deck::Problem problem_of(const std::string& text, const std::string& file = "deck.toml") {
  base::Diagnostics diagnostics;
  deck::Problem problem = deck::parse(
      {file, text}, {}, [](const std::string&) { return std::optional<std::string>(); },
      diagnostics);
  diagnostics.throw_errors(base::ExitCode::deck);
  return problem;
}

/// Writes a file on the root rank; everybody may read it afterwards. Collective.
void write_file(const std::string& path, const std::string& text);

/// The text of a file. Local.
[[nodiscard]] std::string file_text(const std::string& path);

}  // namespace ritz::test
