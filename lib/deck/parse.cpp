#include "ritz/deck/parse.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "check.hpp"
#include "document.hpp"
#include "effective.hpp"
#include "fill.hpp"
#include "quantities.hpp"
#include "report.hpp"
#include "rules.hpp"
#include "sources.hpp"

namespace ritz::deck {

Problem parse(const Source& deck, std::span<const Override> overrides,
              const FileReader& read_include, base::Diagnostics& diagnostics) {
  Report report(diagnostics);
  Node root = load(deck, overrides, read_include, report);
  const std::string units = convert_quantities(root, report);
  check_tree(root, report);
  const bool version_given = root.find("deck_version") != nullptr;
  add_defaults(root);
  add_time_defaults(root, fill(root, deck.file));
  add_checkpoint_defaults(root);
  Problem problem = fill(root, deck.file);
  problem.units = units;
  check_rules(root, problem, report);
  if (!version_given && !report.incomplete()) {
    report.note({deck.file}, "deck_version is not given; the deck is read as version 1");
  }
  if (report.n_untold() > 0) {
    diagnostics.error({deck.file}, fmt::format("and {} more errors", report.n_untold()));
  }
  problem.effective_toml = effective_toml(
      root, {{"mesh.file", problem.mesh.file}, {"initial.from", problem.initial.from}});
  return problem;
}

std::optional<std::string> read_file(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return text;
}

base::Location location_in(const Formula& formula, std::size_t offset) {
  base::Location where = formula.where;
  if (where.line <= 0 || where.column <= 0) return where;
  const std::size_t end = std::min(offset, formula.text.size());
  for (std::size_t i = 0; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(formula.text[i]);
    if (byte == '\n') {
      where.line += 1;
      where.column = 1;
    } else if ((byte & 0xC0) != 0x80) {
      where.column += 1;
    }
  }
  return where;
}

}  // namespace ritz::deck
