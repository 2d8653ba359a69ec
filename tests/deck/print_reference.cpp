// Prints what is generated from the registry: toml, markdown or schema. The build target
// deck_reference writes configs/reference.toml, docs/deck.md and configs/ritz.schema.json with it.
#include <cstdio>
#include <string>

#include "ritz/deck/registry.hpp"

int main(int argc, char** argv) {
  const std::string what = argc == 2 ? argv[1] : "";
  std::string text;
  if (what == "toml") {
    text = ritz::deck::reference_toml();
  } else if (what == "markdown") {
    text = ritz::deck::reference_markdown();
  } else if (what == "schema") {
    text = ritz::deck::json_schema();
  } else {
    std::fputs("usage: print_reference toml|markdown|schema\n", stderr);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
