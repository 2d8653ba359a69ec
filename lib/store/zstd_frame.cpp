#include "zstd_frame.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "ritz/base/error.hpp"

namespace ritz::store {

namespace {

constexpr std::size_t n_planes = 8;
constexpr std::size_t largest_block = std::size_t{128} << 10;
constexpr std::size_t header_bytes = 4 + 1 + 4, block_header_bytes = 3;
enum class Block : std::uint32_t { raw = 0, repeated = 1, compressed = 2 };

std::byte* write_number(std::byte* to, std::uint32_t value, std::size_t n_bytes) {
  for (std::size_t i = 0; i < n_bytes; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
  return to + n_bytes;
}

std::uint32_t read_number(const std::byte* from, std::size_t n_bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < n_bytes; ++i)
    value |= std::to_integer<std::uint32_t>(from[i]) << (8 * i);
  return value;
}

/// RFC 8878, 3.1.1.2.
std::byte* write_block_header(std::byte* to, bool is_last, Block type, std::size_t size) {
  return write_number(to,
                      (is_last ? 1U : 0U) | static_cast<std::uint32_t>(type) << 1U |
                          static_cast<std::uint32_t>(size) << 3U,
                      block_header_bytes);
}

/// How many bytes a header of a frame has that libzstd made (RFC 8878, 3.1.1.1).
std::size_t size_of_header(const std::byte* frame) {
  const auto descriptor = std::to_integer<std::uint32_t>(frame[4]);
  const bool is_single = (descriptor & 0x20U) != 0;
  constexpr std::array<std::size_t, 4> of_size{0, 2, 4, 8}, of_dictionary{0, 1, 2, 4};
  const std::uint32_t flag = descriptor >> 6U;
  return 5 + (is_single ? 0 : 1) + of_dictionary[descriptor & 3U] +
         (flag == 0 && is_single ? 1 : of_size[flag]);
}

/// Order-0 entropy of a sample, bits a byte; 0 where there are too few to tell.
double entropy(std::span<const std::byte> plane) {
  constexpr std::size_t n_pieces = 16, piece = 256;
  std::array<std::uint32_t, 256> counts{};
  std::size_t n = 0;
  const std::size_t stride = std::max<std::size_t>(1, plane.size() / n_pieces);
  for (std::size_t at = 0; at < plane.size(); at += stride) {
    for (const std::byte one : plane.subspan(at, std::min(piece, plane.size() - at))) {
      ++counts[std::to_integer<std::size_t>(one)];
      ++n;
    }
  }
  if (n < n_pieces * piece) return 0;
  double bits = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(n);
    bits -= share * std::log2(share);
  }
  return bits;
}
/// A sample of 4096 of pure noise has 7.954 on average: (256 - 1) / (2 4096 ln 2) are missing.
/// Between the two limits coding takes more time than it is worth.
constexpr double noise_bits = 7.8, wasted_bits = 6.5;

// Codes of lengths and their numbers of extra bits (RFC 8878, 3.1.1.3.2.1.1).

struct Code {
  std::uint32_t first = 0;   ///< smallest value
  std::uint32_t n_bits = 0;  ///< extra ones
};
template <std::size_t n>
std::uint32_t code_of(const std::array<Code, n>& codes, std::uint32_t direct, std::uint32_t value) {
  if (value < codes[direct].first) return value - codes[0].first;
  std::uint32_t code = direct;
  while (code + 1 < n && codes[code + 1].first <= value) ++code;
  return code;
}
/// `n` codes of single values from `first`, then those with extra bits.
template <std::size_t n, std::size_t n_long>
constexpr std::array<Code, n> codes(std::uint32_t first, const std::uint32_t (&bits)[n_long]) {
  std::array<Code, n> all{};
  std::uint32_t next = first;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t more = i < n - n_long ? 0 : bits[i - (n - n_long)];
    all[i] = {next, more};
    next += 1U << more;
  }
  return all;
}
constexpr auto literal_codes =
    codes<36>(0, {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
constexpr auto copy_codes =
    codes<53>(3, {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
static_assert(literal_codes[25].first == 64 && literal_codes[35].first == 65536);
static_assert(copy_codes[32].first == 35 && copy_codes[52].first == 65539);

/// A table of finite state entropy for one of the distributions that every decoder has
/// (RFC 8878, 3.1.1.3.2.2 and 4.1.1), the way an encoder needs it: which state reads a symbol and
/// then comes to a given state, with which bits.
template <std::size_t n_symbols, unsigned accuracy>
class StateTable {
 public:
  static constexpr unsigned n_states = 1U << accuracy;
  struct Way {
    std::uint8_t state = 0, n_bits = 0, bits = 0;
  };

  explicit StateTable(const std::array<int, n_symbols>& shares) {
    std::array<std::uint8_t, n_states> symbol_of{};
    unsigned high = n_states;
    std::array<unsigned, n_symbols> next{};
    for (std::size_t s = 0; s < n_symbols; ++s) {
      next[s] = static_cast<unsigned>(std::abs(shares[s]));
      if (shares[s] == -1) symbol_of[--high] = static_cast<std::uint8_t>(s);
    }
    unsigned at = 0;
    for (std::size_t s = 0; s < n_symbols; ++s) {
      for (int i = 0; i < shares[s]; ++i) {
        symbol_of[at] = static_cast<std::uint8_t>(s);
        do {
          at = (at + (n_states >> 1U) + (n_states >> 3U) + 3) & (n_states - 1);
        } while (at >= high);
      }
    }
    for (unsigned state = 0; state < n_states; ++state) {
      const std::size_t s = symbol_of[state];
      const unsigned x = next[s]++;
      const unsigned n_bits = accuracy + 1 - static_cast<unsigned>(std::bit_width(x));
      const unsigned first = (x << n_bits) - n_states;
      for (unsigned i = 0; i < 1U << n_bits; ++i) {
        ways_[s][first + i] = {static_cast<std::uint8_t>(state), static_cast<std::uint8_t>(n_bits),
                               static_cast<std::uint8_t>(i)};
      }
    }
  }

  [[nodiscard]] const Way& way(std::uint32_t symbol, unsigned to) const {
    return ways_[symbol][to];
  }

 private:
  std::array<std::array<Way, n_states>, n_symbols> ways_{};
};

const StateTable<36, 6>& literal_table() {
  static const StateTable<36, 6> table({4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                                        2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1});
  return table;
}
const StateTable<53, 6>& copy_table() {
  static const StateTable<53, 6> table({1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1});
  return table;
}
const StateTable<29, 5>& offset_table() {
  static const StateTable<29, 5> table(
      {1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1});
  return table;
}

/// Bits one after the other, to be read from their end.
class BitWriter {
 public:
  explicit BitWriter(std::byte* to) : to_(to) {}
  /// At most 32 at once.
  void add(std::uint32_t value, unsigned n_bits) {
    waiting_ |= static_cast<std::uint64_t>(value) << n_waiting_;
    n_waiting_ += n_bits;
    while (n_waiting_ >= 8) {
      *to_++ = static_cast<std::byte>(waiting_);
      waiting_ >>= 8U;
      n_waiting_ -= 8;
    }
  }
  /// Where it ends.
  [[nodiscard]] std::byte* finish() {
    add(1, 1);
    if (n_waiting_ > 0) *to_++ = static_cast<std::byte>(waiting_);
    return to_;
  }

 private:
  std::byte* to_;
  std::uint64_t waiting_ = 0;
  unsigned n_waiting_ = 0;
};

}  // namespace

FrameMaker::FrameMaker(int level) : level_(level), context_(ZSTD_createCCtx()) {
  if (!context_) throw std::bad_alloc();
}

std::size_t FrameMaker::compress(std::span<const std::byte> bytes, std::byte* to,
                                 std::size_t room) {
  const std::size_t n =
      ZSTD_compressCCtx(context_.get(), to, room, bytes.data(), bytes.size(), level_);
  if (ZSTD_isError(n)) {
    throw base::Error(base::ExitCode::internal,
                      std::string("libzstd cannot compress a chunk: ") + ZSTD_getErrorName(n));
  }
  return n;
}

std::span<const std::byte> FrameMaker::make_plain(std::span<const std::byte> bytes) {
  out_.resize(ZSTD_compressBound(bytes.size()));
  return std::span(out_).first(compress(bytes, out_.data(), out_.size()));
}

/// Runs of numbers that come again, by their six upper bytes: what rounding changes is below.
void FrameMaker::find_sequences(std::span<const std::byte> numbers) {
  constexpr unsigned table_bits = 15;
  // Below it a sequence takes more than it saves; less if it has the offset of the one before.
  constexpr std::uint32_t shortest = 4, shortest_of_same = 3;
  constexpr unsigned n_lower_bits = 16;
  const std::size_t n = numbers.size() / n_planes;
  const auto word = [&](std::size_t i) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, numbers.data() + i * sizeof bits, sizeof bits);
    return bits >> n_lower_bits;
  };
  last_place_.assign(std::size_t{1} << table_bits, 0);
  const auto place = [&](std::size_t i) -> std::uint32_t& {
    // Multiplicative hashing by 2^64 over the golden ratio (Knuth, vol. 3, 6.4).
    return last_place_[(word(i) * 0x9E3779B97F4A7C15ULL) >> (64 - table_bits)];
  };
  sequences_.clear();
  std::uint32_t begin = 0, same = 0;  // of the literals; the last offset
  for (std::uint32_t i = 0; i < n;) {
    std::uint32_t& entry = place(i);
    std::uint32_t j = entry;
    entry = i;
    if (same > 0 && word(i - same) == word(i)) j = i - same;
    if (j >= i || word(j) != word(i)) {
      // The longer nothing was found the less likely is it here.
      i += 1 + ((i - begin) >> 9U);
      continue;
    }
    std::uint32_t more = 1, before = 0;
    while (i + more < n && word(j + more) == word(i + more)) ++more;
    while (j > before && i - before > begin && word(j - before - 1) == word(i - before - 1))
      ++before;
    if (more + before < (i - j == same ? shortest_of_same : shortest)) {
      ++i;
      continue;
    }
    sequences_.push_back({i - before - begin, more + before, i - j});
    same = i - j;
    for (std::uint32_t k = 1; k < more; ++k) place(i + k) = i + k;
    i += more;
    begin = i;
  }
}

/// The section of sequences of a block (RFC 8878, 3.1.1.3.2), with the tables that need not be
/// sent.
void FrameMaker::write_sequences(std::span<const Sequence> sequences,
                                 std::vector<std::byte>& to) const {
  to.resize(4 + 16 * sequences.size() + 16);
  std::byte* at = to.data();
  const auto n = static_cast<std::uint32_t>(sequences.size());
  if (n < 128) {
    at = write_number(at, n, 1);
  } else if (n < 0x7F00) {
    at = write_number(at, (n >> 8U) + 128, 1);
    at = write_number(at, n & 0xFFU, 1);
  } else {
    at = write_number(at, 255, 1);
    at = write_number(at, n - 0x7F00, 2);
  }
  at = write_number(at, 0, 1);  // all three tables are the predefined ones
  BitWriter bits(at);
  unsigned of_literals = 0, of_copied = 0, of_offset = 0;
  // A decoder reads from the end: all in reverse.
  for (std::size_t i = sequences.size(); i-- > 0;) {
    const Sequence& one = sequences[i];
    const std::uint32_t literals = code_of(literal_codes, 16, one.n_literals),
                        copied = code_of(copy_codes, 32, one.n_copied),
                        // 1: that of the one before, if there are literals between (3.1.1.5).
        offset = i > 0 && one.offset == sequences[i - 1].offset && one.n_literals > 0
                     ? 1
                     : one.offset + 3,
                        offset_code = static_cast<std::uint32_t>(std::bit_width(offset)) - 1;
    const bool is_last = i + 1 == sequences.size();
    const auto step = [&](const auto& table, std::uint32_t symbol, unsigned& state) {
      const auto& way = table.way(symbol, is_last ? 0 : state);
      if (!is_last) bits.add(way.bits, way.n_bits);
      state = way.state;
    };
    step(offset_table(), offset_code, of_offset);
    step(copy_table(), copied, of_copied);
    step(literal_table(), literals, of_literals);
    bits.add(one.n_literals - literal_codes[literals].first, literal_codes[literals].n_bits);
    bits.add(one.n_copied - copy_codes[copied].first, copy_codes[copied].n_bits);
    bits.add(offset - (1U << offset_code), offset_code);
  }
  bits.add(of_copied, 6);
  bits.add(of_offset, 5);
  bits.add(of_literals, 6);
  to.resize(static_cast<std::size_t>(bits.finish() - to.data()));
}

/// A plane as one block: of the sequences that hold for it, or as it is.
std::byte* FrameMaker::write_noise(std::span<const std::byte> plane, bool is_last, std::byte* to) {
  const std::span<const std::byte> rest = plane.subspan(1);
  if (std::ranges::all_of(rest, [&](std::byte one) { return one == plane.front(); })) {
    to = write_block_header(to, is_last, Block::repeated, plane.size());
    *to = plane.front();
    return to + 1;
  }
  own_.clear();
  std::uint32_t at = 0, waiting = 0, n_copied = 0;
  for (const Sequence& one : sequences_) {
    at += one.n_literals;
    waiting += one.n_literals;
    const std::byte* here = plane.data() + at;
    if (std::equal(here, here + one.n_copied, here - one.offset)) {
      own_.push_back({waiting, one.n_copied, one.offset});
      waiting = 0;
      n_copied += one.n_copied;
    } else {
      waiting += one.n_copied;
    }
    at += one.n_copied;
  }
  const bool all_hold = own_.size() == sequences_.size();
  if (!all_hold && !own_.empty()) write_sequences(own_, own_section_);
  const std::vector<std::byte>& section = all_hold ? section_ : own_section_;
  const std::size_t n_literals = plane.size() - n_copied;
  const std::size_t block = 3 + n_literals + section.size();
  if (own_.empty() || block >= plane.size()) {
    to = write_block_header(to, is_last, Block::raw, plane.size());
    std::memcpy(to, plane.data(), plane.size());
    return to + plane.size();
  }
  to = write_block_header(to, is_last, Block::compressed, block);
  // Raw literals, their number in 20 bits (RFC 8878, 3.1.1.3.1.1).
  to = write_number(to, static_cast<std::uint32_t>(n_literals) << 4U | 3U << 2U, 3);
  const std::byte* from = plane.data();
  for (const Sequence& one : own_) {
    std::memcpy(to, from, one.n_literals);
    to += one.n_literals;
    from += one.n_literals + one.n_copied;
  }
  const auto n_last = static_cast<std::size_t>(plane.data() + plane.size() - from);
  std::memcpy(to, from, n_last);
  to += n_last;
  std::memcpy(to, section.data(), section.size());
  return to + section.size();
}

std::span<const std::byte> FrameMaker::make(std::span<const std::byte> planes,
                                            std::span<const std::byte> numbers) {
  const std::size_t n = planes.size() / n_planes;
  const auto plane = [&](std::size_t p) { return planes.subspan(p * n, n); };
  std::size_t n_front = 0;
  while (n_front < n_planes && entropy(plane(n_front)) < noise_bits) ++n_front;
  // What repeats behind noise is rare: then all of it is libzstd's, as are chunks whose planes are
  // no single blocks.
  bool is_plain = n_front == n_planes || n > largest_block;
  for (std::size_t p = n_front + 1; p < n_planes && !is_plain; ++p)
    is_plain = entropy(plane(p)) < wasted_bits;
  if (!is_plain) {
    // Patterns that are no repeated numbers, as those of equal steps, show in a piece of a plane.
    constexpr std::size_t most = std::size_t{16} << 10;
    const std::span<const std::byte> piece =
        plane((n_front + n_planes) / 2).first(std::min(n, most));
    out_.resize(ZSTD_compressBound(piece.size()));
    is_plain = 20 * compress(piece, out_.data(), out_.size()) < 17 * piece.size();
  }
  if (is_plain) return make_plain(planes);

  out_.resize(ZSTD_compressBound(planes.size()) + header_bytes + n_planes * block_header_bytes);
  std::byte* to = write_number(out_.data(), 0xFD2FB528U, 4);
  // The content is one segment, its size has four bytes; no checksum, no dictionary.
  to = write_number(to, 0b1010'0000U, 1);
  to = write_number(to, static_cast<std::uint32_t>(planes.size()), 4);
  if (n_front > 0) {
    const std::size_t room = static_cast<std::size_t>(out_.data() + out_.size() - to);
    const std::size_t size = compress(planes.first(n_front * n), to, room);
    const std::size_t header = size_of_header(to);
    std::memmove(to, to + header, size - header);
    std::byte* const end = to + size - header;
    while (true) {
      const std::uint32_t block = read_number(to, block_header_bytes);
      const bool is_repeated = ((block >> 1U) & 3U) == static_cast<std::uint32_t>(Block::repeated);
      const bool is_last = (block & 1U) != 0;
      if (is_last) write_number(to, block & ~1U, block_header_bytes);
      to += block_header_bytes + (is_repeated ? 1 : block >> 3U);
      if (is_last) break;
    }
    if (to != end) throw base::Error(base::ExitCode::internal, "a frame of libzstd was misread");
  }
  find_sequences(numbers);
  if (!sequences_.empty()) write_sequences(sequences_, section_);
  for (std::size_t p = n_front; p < n_planes; ++p)
    to = write_noise(plane(p), p + 1 == n_planes, to);
  return std::span(out_).first(static_cast<std::size_t>(to - out_.data()));
}

}  // namespace ritz::store
