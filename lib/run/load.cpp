#include "ritz/run/load.hpp"
#include "ritz/base/fault.hpp"

#include <map>

#include "ritz/deck/parse.hpp"

namespace ritz::run {

DeckText load(const comm::Communicator& communicator, const std::string& file,
              const std::vector<std::string>& overrides, const std::optional<std::string>& given) {
  DeckText text;
  base::fault_point("load");
  text.file = file;
  text.overrides = overrides;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    const auto content = given ? given : deck::read_file(file);
    if (!content) {
      throw base::Error(base::ExitCode::deck, base::Location{file, 0, 0},
                        "cannot read this problem deck; check the path and its permissions "
                        "(an example: configs/quickstart.toml)");
    }
    text.files.emplace_back(file, *content);
    // One parse here finds the includes; its findings are found again by everybody.
    base::Diagnostics ignored;
    std::vector<deck::Override> list;
    for (const std::string& one : overrides) list.push_back({one});
    static_cast<void>(deck::parse(
        {file, *content}, list,
        [&](const std::string& path) {
          auto included = deck::read_file(path);
          if (included) text.files.emplace_back(path, *included);
          return included;
        },
        ignored));
  });
  std::uint64_t n = text.files.size();
  communicator.broadcast(n);
  text.files.resize(n);
  for (auto& [path, content] : text.files) {
    communicator.broadcast(path);
    communicator.broadcast(content);
  }
  return text;
}

deck::Problem parse(const DeckText& text, base::Diagnostics& diagnostics) {
  std::map<std::string, std::string> files;
  for (const auto& [path, content] : text.files) files.emplace(path, content);
  std::vector<deck::Override> overrides;
  for (const std::string& one : text.overrides) overrides.push_back({one});
  return deck::parse(
      {text.file, text.files.front().second}, overrides,
      [&](const std::string& path) -> std::optional<std::string> {
        const auto found = files.find(path);
        if (found == files.end()) return std::nullopt;
        return found->second;
      },
      diagnostics);
}

}  // namespace ritz::run
