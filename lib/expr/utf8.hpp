#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ritz::expr::detail {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;  ///< bytes; 1 when not valid
  bool valid = false;
};

/// The code point that starts at `text[at]`, at < text.size(); overlong forms, surrogates and cut
/// sequences are not valid (RFC 3629).
[[nodiscard]] inline CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return {lead, 1, false};
  std::uint32_t value = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {lead, 1, false};
    value = value << 6 | (byte(at + i) & 0x3fU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return {lead, 1, false};
  }
  return {value, length, true};
}

}  // namespace ritz::expr::detail
