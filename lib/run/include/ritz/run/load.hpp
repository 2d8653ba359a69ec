#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/deck/problem.hpp"

namespace ritz::run {

/// A deck and everything it includes, as text.
struct DeckText {
  std::string file;
  std::vector<std::pair<std::string, std::string>> files;  ///< path, text; the deck first
  std::vector<std::string> overrides;                      ///< "a.b=value" of --set
};

/// Rank 0 reads the deck and its includes; every rank gets the same text. Collective.
/// `given`: of the root, the deck itself where `file` is only its name. Throws Error(deck) if the
/// deck cannot be read.
[[nodiscard]] DeckText load(const comm::Communicator& communicator, const std::string& file,
                            const std::vector<std::string>& overrides,
                            const std::optional<std::string>& given = std::nullopt);

/// Parses the text; what is wrong goes to `diagnostics`. Local and the same on every rank.
[[nodiscard]] deck::Problem parse(const DeckText& text, base::Diagnostics& diagnostics);

}  // namespace ritz::run
