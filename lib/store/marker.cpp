#include "marker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include "files.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/format.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;

constexpr const char* marker_head = "ritz checkpoint 1\n";

}  // namespace

void Part::join(const Part& next) {
  crc = base::crc32c_joined(crc, next.crc, next.n_bytes);
  n_bytes += next.n_bytes;
}

std::optional<std::uint32_t> Marker::of(const std::string& name) const {
  for (const auto& [one, crc] : data) {
    if (one == name) return crc;
  }
  return std::nullopt;
}

std::string text_of(const Marker& marker) {
  std::string text = marker_head;
  text += fmt::format("file {}\nbytes {}\ncrc32c {:08x}\n", marker.file, marker.whole.n_bytes,
                      marker.whole.crc);
  for (const auto& [name, crc] : marker.data) text += fmt::format("data {:08x} {}\n", crc, name);
  if (!marker.note.empty()) text += "note " + marker.note + "\n";
  text += fmt::format("end {:08x}\n", base::crc32c(std::as_bytes(std::span(text))));
  return text;
}

std::optional<Marker> parse_marker(const std::string& text) {
  Marker marker;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return std::nullopt;
    const std::string word = line.substr(0, space), rest = line.substr(space + 1);
    const auto number = [&](auto& to, int base) {
      std::from_chars(rest.data(), rest.data() + rest.size(), to, base);
    };
    if (word == "file") marker.file = rest;
    if (word == "note") marker.note = rest;
    if (word == "bytes") number(marker.whole.n_bytes, 10);
    if (word == "crc32c") number(marker.whole.crc, 16);
    if (word == "data" && rest.size() > 9) {
      std::uint32_t crc = 0;
      number(crc, 16);
      marker.data.emplace_back(rest.substr(9), crc);
    }
  }
  if (text_of(marker) != text) return std::nullopt;
  return marker;
}

std::optional<Marker> read_marker(const std::string& path, std::string& problem) {
  const std::string name = marker_path(path);
  std::error_code failed;
  if (!fs::exists(name, failed)) {
    problem = failed ? "its completion marker cannot be looked for: " + failed.message()
                     : "it has no completion marker: writing it was interrupted";
    return std::nullopt;
  }
  std::ifstream in(name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    problem = "its completion marker cannot be read";
    return std::nullopt;
  }
  std::optional<Marker> marker = parse_marker(text.str());
  if (!marker) {
    problem = "its completion marker is damaged";
  } else if (marker->file != fs::path(path).filename().string()) {
    problem = fmt::format("its completion marker belongs to {}", marker->file);
    marker.reset();
  }
  return marker;
}

void write_marker(const std::string& path, const std::string& text) {
  Descriptor file(path, O_CREAT | O_EXCL | O_WRONLY);
  if (!file.valid()) throw file_error(path, "cannot create the completion marker", errno);
  try {
    write_at(file, path, 0, std::as_bytes(std::span(text)));
    if (::fsync(file.get()) != 0 || !file.close())
      throw file_error(path, "cannot flush the completion marker", errno);
    sync(folder_of(path), true);
  } catch (const base::Error&) {
    // Half a marker would say of its file that it is damaged; without one it is unfinished.
    ::unlink(path.c_str());
    throw;
  }
}

}  // namespace ritz::store
