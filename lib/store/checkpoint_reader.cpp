#include "ritz/store/checkpoint_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "background.hpp"
#include "block_streams.hpp"
#include "buffer.hpp"
#include "checkpoint_names.hpp"
#include "checkpoint_small.hpp"
#include "codec.hpp"
#include "files.hpp"
#include "hdf5.hpp"
#include "image.hpp"
#include "marker.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

namespace {

using comm::Communicator;

/// A chunk in the file; without chunks: rows that are looked at as one.
struct Place {
  std::uint64_t address = 0;
  std::uint32_t n_bytes = 0;
  std::uint32_t left_out = 0;  ///< HDF5's mask of filters
};

/// How a large dataset lies in the file. Crosses the network as it is.
struct Layout {
  GlobalId n_rows = 0, chunk_rows = 1;
  std::uint64_t width = 1, number_bytes = 8;
  Codec codec = Codec::none;
  bool high_first = false;
  bool is_chunked = false;  ///< each chunk has its full size, also the last one

  [[nodiscard]] std::size_t row_bytes() const { return width * number_bytes; }
  [[nodiscard]] std::size_t chunk_bytes() const {
    return static_cast<std::size_t>(chunk_rows) * row_bytes();
  }
};

/// Bytes of the file and their checksum. Crosses the network as it is.
struct Summed {
  std::uint64_t address = 0, n_bytes = 0;
  std::uint32_t crc = 0, unused = 0;
};

[[noreturn]] void strange(const std::string& path, const std::string& name) {
  throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                    name + " is stored in a way that no checkpoint of this program is");
}

/// The filters of a dataset: shuffle and one that compresses, or none.
Codec codec_of(hid_t creation, const std::string& path, const std::string& name) {
  const int n = H5Pget_nfilters(creation);
  if (n == 0) return Codec::none;
  std::array<H5Z_filter_t, 2> filters{};
  for (int i = 0; i < n && n == 2; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t n_values = 0;
    filters[static_cast<std::size_t>(i)] = H5Pget_filter2(
        creation, static_cast<unsigned>(i), &flags, &n_values, nullptr, 0, nullptr, &config);
  }
  if (filters[0] == H5Z_FILTER_SHUFFLE && filters[1] == H5Z_FILTER_DEFLATE) return Codec::deflate;
  if (filters[0] == H5Z_FILTER_SHUFFLE && filters[1] == zstd_filter) return Codec::zstd;
  strange(path, name);
}

/// Where a dataset lies. `rows_at_once`: of one without chunks. Local. Throws Error(io).
Layout look_at(hid_t file, const std::string& path, const std::string& name, bool is_field,
               GlobalId rows_at_once, std::vector<Place>& places) {
  const std::string action = "look at " + name;
  const char* what = action.c_str();
  const Handle set = checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path, what);
  const Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, what);
  const Handle type = checked(H5Dget_type(set.get()), H5Tclose, path, what);
  const Handle creation = checked(H5Dget_create_plist(set.get()), H5Pclose, path, what);
  const int n_dims = H5Sget_simple_extent_ndims(space.get());
  std::array<hsize_t, 2> size{0, 1}, chunk{1, 1};
  if (n_dims < 1 || n_dims > 2 ||
      H5Sget_simple_extent_dims(space.get(), size.data(), nullptr) != n_dims)
    strange(path, name);
  Layout layout;
  layout.n_rows = static_cast<GlobalId>(size[0]);
  layout.width = size[1];
  layout.number_bytes = is_field ? 8 : 4;
  layout.high_first = is_field && H5Tequal(type.get(), H5T_IEEE_F64BE) > 0 &&
                      H5Tequal(type.get(), H5T_NATIVE_DOUBLE) <= 0;
  if (!layout.high_first &&
      H5Tequal(type.get(), is_field ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT32) <= 0)
    strange(path, name);
  layout.is_chunked = H5Pget_layout(creation.get()) == H5D_CHUNKED;
  if (!layout.is_chunked) {
    if (H5Pget_layout(creation.get()) != H5D_CONTIGUOUS || layout.high_first) strange(path, name);
    layout.chunk_rows = rows_at_once;
    const haddr_t address = H5Dget_offset(set.get());
    if (layout.n_rows > 0 && address == HADDR_UNDEF) strange(path, name);
    for (GlobalId row = 0; row < layout.n_rows; row += rows_at_once) {
      const auto n = static_cast<std::size_t>(std::min(rows_at_once, layout.n_rows - row));
      places.push_back({address + static_cast<std::uint64_t>(row) * layout.row_bytes(),
                        static_cast<std::uint32_t>(n * layout.row_bytes()), 0});
    }
    return layout;
  }
  if (H5Pget_chunk(creation.get(), n_dims, chunk.data()) != n_dims || chunk[1] != size[1])
    strange(path, name);
  layout.chunk_rows = static_cast<GlobalId>(chunk[0]);
  layout.codec = codec_of(creation.get(), path, name);
  for (GlobalId row = 0; row < layout.n_rows; row += layout.chunk_rows) {
    // By its place and not by its number: for that HDF5 counts all chunks before it.
    const std::array<hsize_t, 2> first{static_cast<hsize_t>(row), 0};
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t n_bytes = 0;
    checked(H5Dget_chunk_info_by_coord(set.get(), first.data(), &mask, &address, &n_bytes), path,
            what);
    if (address == HADDR_UNDEF || n_bytes == 0 || n_bytes > 2 * layout.chunk_bytes() + 4096)
      strange(path, name);
    places.push_back({address, static_cast<std::uint32_t>(n_bytes), mask});
  }
  return layout;
}

/// The pieces of metadata that a marker lists; empty if it is of an earlier program.
std::vector<Piece> metadata_pieces(const Marker& marker, std::uint32_t& crc) {
  const std::string head = std::string(metadata_name) + " ";
  std::vector<Piece> pieces;
  for (const auto& [name, its_crc] : marker.data) {
    if (!name.starts_with(head)) continue;
    crc = its_crc;
    const char* at = name.data() + head.size();
    const char* const end = name.data() + name.size();
    while (at < end) {
      Piece piece;
      at = std::from_chars(at, end, piece.address).ptr;
      if (at < end) ++at;
      const auto number = std::from_chars(at, end, piece.n_bytes);
      if (number.ec != std::errc()) return {};
      pieces.push_back(piece);
      at = number.ptr < end ? number.ptr + 1 : end;
    }
  }
  return pieces;
}

}  // namespace

class CheckpointReader::Impl {
 public:
  Impl(const Communicator& communicator, const std::string& path)
      : communicator_(communicator), path_(path) {
    try {
      open();
      if (problem_.empty()) read();
    } catch (const base::Error& error) {
      // On every rank alike. What is no matter of the file says nothing about it: a good checkpoint
      // must not be passed over because a thread or memory was wanting.
      if (error.code() != base::ExitCode::io) throw;
      problem_ = error.diagnostics().front().message;
    }
    if (!problem_.empty()) sets_.clear();
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const Snapshot& facts() const { return facts_; }
  [[nodiscard]] bool is_whole() const { return problem_.empty() && n_taken_ == 0; }

  void choose(const Rows& nodes) {
    communicator_.together([&] {
      for (std::size_t i = 0; i < facts_.fields.size(); ++i) {
        const Layout& layout = sets_[i].layout;
        const auto width = static_cast<std::size_t>(facts_.fields[i].n_components);
        if (layout.n_rows == nodes.n_global && layout.width == width) continue;
        throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                          fmt::format("{} is not the {} x {} numbers that this run has: the file "
                                      "belongs to another problem",
                                      sets_[i].name, nodes.n_global, width));
      }
    });
    plans_.clear();
    for (std::size_t i = 0; i < facts_.fields.size(); ++i) {
      if (plan_of(i)) continue;
      plans_.push_back(std::make_unique<BlockStreams>(communicator_, sets_[i].blocks, nodes.ids,
                                                      BlockStreams::Use::read));
    }
  }

  void take(std::size_t i, std::span<double> values) {
    Set& set = sets_[i];
    plan_of(i)->give(set.rows.get(), set.layout.row_bytes(),
                     reinterpret_cast<std::byte*>(values.data()));
    set.rows = Buffer();
    // The last one is the cells', which is not taken from here.
    if (++n_taken_ + 1 == sets_.size()) plans_.clear();
  }

 private:
  /// A large dataset, and this rank's rows of it.
  struct Set {
    std::string name;
    Layout layout;
    ChunkBlocks blocks;
    std::vector<Place> places;  ///< of this rank's chunks
    std::vector<std::uint32_t> file_crcs, crcs;
    Buffer rows;

    [[nodiscard]] std::size_t n_bytes_of(std::size_t chunk, int rank) const {
      const auto each = static_cast<std::size_t>(layout.chunk_rows);
      return std::min(each, blocks.n_rows_of(rank) - chunk * each) * layout.row_bytes();
    }
  };
  struct Item {
    std::size_t set = 0, chunk = 0;
  };
  /// Chunks that lie side by side, and their bytes.
  struct Batch {
    std::size_t first = 0, n = 0;
    std::byte* bytes = nullptr;
  };
  static constexpr std::size_t batch_bytes = std::size_t{4} << 20, n_slots = 8;

  [[nodiscard]] BlockStreams* plan_of(std::size_t i) const {
    for (const auto& plan : plans_) {
      if (plan->blocks().chunk_rows == sets_[i].blocks.chunk_rows) return plan.get();
    }
    return nullptr;
  }

  /// Marker, metadata, facts and where the chunks are.
  void open() {
    marker_ = agreed_marker(communicator_, path_);
    std::uint32_t crc = 0;
    const std::vector<Piece> pieces = metadata_pieces(marker_, crc);
    is_checked_before_ = pieces.empty();
    if (is_checked_before_) {
      problem_ = whole_problem(communicator_, path_, marker_);
    } else {
      communicator_.together([&] {
        if (communicator_.is_root()) check_metadata(pieces, crc);
      });
      communicator_.broadcast(problem_);
    }
    if (!problem_.empty()) return;
    std::vector<std::vector<Place>> places;
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      facts_ = read_small(path_, marker_);
      int most = 1;
      for (const Snapshot::Field& field : facts_.fields) most = std::max(most, field.n_components);
      const QuietErrors quiet;
      const Handle file = open_to_read(path_);
      const auto add = [&](const std::string& name, bool is_field, std::size_t row_bytes) {
        constexpr std::size_t at_once = std::size_t{1} << 20;
        Set& set = sets_.emplace_back();
        set.name = name;
        set.layout = look_at(file.get(), path_, name, is_field,
                             static_cast<GlobalId>(std::max<std::size_t>(1, at_once / row_bytes)),
                             places.emplace_back());
      };
      for (const Snapshot::Field& field : facts_.fields)
        add(field_path(field.name), true, 8 * static_cast<std::size_t>(most));
      add(cell_rank_name, false, 4);
    });
    share(communicator_, facts_);
    std::uint64_t n_sets = sets_.size();
    communicator_.broadcast(n_sets);
    sets_.resize(n_sets);
    places.resize(n_sets);
    for (std::size_t s = 0; s < n_sets; ++s) {
      Set& set = sets_[s];
      communicator_.broadcast(set.name);
      communicator_.broadcast(set.layout);
      communicator_.broadcast(places[s]);
      set.blocks = {set.layout.n_rows, set.layout.chunk_rows, communicator_.size()};
      const comm::BlockRange range = set.blocks.chunks();
      set.places.assign(
          places[s].begin() + static_cast<std::ptrdiff_t>(range.begin(communicator_.rank())),
          places[s].begin() + static_cast<std::ptrdiff_t>(range.end(communicator_.rank())));
      places[s] = {};
    }
  }

  /// Before HDF5 sees any of it. On the root; notes the problem.
  void check_metadata(const std::vector<Piece>& pieces, std::uint32_t crc) {
    const Descriptor file(path_, O_RDONLY);
    struct stat facts {};
    if (!file.valid() || ::fstat(file.get(), &facts) != 0)
      throw file_error(path_, "cannot read it", errno);
    problem_ = size_problem(static_cast<std::uint64_t>(facts.st_size), marker_);
    if (!problem_.empty()) return;
    std::vector<std::byte> content;
    Part whole;
    for (const Piece& piece : pieces) {
      if (piece.address > marker_.whole.n_bytes ||
          piece.n_bytes > marker_.whole.n_bytes - piece.address) {
        problem_ = damaged;
        return;
      }
      content.resize(static_cast<std::size_t>(piece.n_bytes));
      read_at(file, path_, piece.address, content);
      const std::uint32_t its_crc = base::crc32c(content);
      whole.join({its_crc, piece.n_bytes});
      metadata_.push_back({piece.address, piece.n_bytes, its_crc, 0});
    }
    if (whole.crc != crc) problem_ = damaged;
  }

  void read() {
    std::uint8_t bad = 0;
    communicator_.together([&] {
      for (Set& set : sets_) {
        set.file_crcs.resize(set.places.size());
        set.crcs.resize(set.places.size());
        set.rows = Buffer(set.blocks.n_rows_of(communicator_.rank()) * set.layout.row_bytes());
      }
      bad = read_chunks() ? 0 : 1;
    });
    const bool is_damaged = communicator_.any(bad != 0);
    // cell_rank is looked at here and read elsewhere, by whom it concerns.
    sets_.back().rows = Buffer();
    bool is_good = !is_damaged;
    for (const Set& set : sets_) {
      Part mine;
      for (std::size_t c = 0; c < set.places.size(); ++c)
        mine.join({set.crcs[c], set.n_bytes_of(c, communicator_.rank())});
      Part all;
      for (const Part& part : communicator_.all_gather(mine)) all.join(part);
      is_good = is_good && marker_.of(set.name) == all.crc;
    }
    // Also what no number depends on has to be as it was.
    if (!is_checked_before_) is_good = whole_is_good() && is_good;
    if (!is_good) problem_ = damaged;
  }

  /// Each rank's chunks into its memory. Local. Throws Error(io); false: some are damaged.
  bool read_chunks() {
    std::vector<Item> items;
    std::size_t largest = batch_bytes;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      for (std::size_t c = 0; c < sets_[s].places.size(); ++c) {
        items.push_back({s, c});
        largest = std::max<std::size_t>(largest, sets_[s].places[c].n_bytes);
      }
    }
    if (items.empty()) return true;
    const auto place = [&](std::size_t i) { return sets_[items[i].set].places[items[i].chunk]; };
    std::sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
      return sets_[a.set].places[a.chunk].address < sets_[b.set].places[b.chunk].address;
    });
    const Descriptor file(path_, O_RDONLY);
    if (!file.valid()) throw file_error(path_, "cannot open it", errno);
    std::vector<Buffer> slots;
    std::vector<std::byte*> free;
    std::mutex mutex;
    std::condition_variable changed;
    std::array<std::optional<Decoder>, 3> decoders;
    bool is_good = true;
    // Ends before what its work looks at.
    Background thread;
    for (std::size_t i = 0; i < items.size();) {
      Batch batch{i, 0, nullptr};
      std::size_t n = 0;
      while (i < items.size() && items[i].set == items[batch.first].set &&
             place(i).address == place(batch.first).address + n &&
             (n == 0 || n + place(i).n_bytes <= batch_bytes)) {
        n += place(i).n_bytes;
        ++i;
      }
      batch.n = i - batch.first;
      Set& set = sets_[items[batch.first].set];
      const bool is_direct = !set.layout.is_chunked;
      if (is_direct) {
        batch.bytes = set.rows.get() + items[batch.first].chunk * set.layout.chunk_bytes();
      } else {
        std::unique_lock lock(mutex);
        if (free.empty() && slots.size() < n_slots) {
          slots.emplace_back(largest);
          free.push_back(slots.back().get());
        }
        changed.wait(lock, [&] { return !free.empty(); });
        batch.bytes = free.back();
        free.pop_back();
      }
      read_at(file, path_, place(batch.first).address, {batch.bytes, n});
      thread.add([&, batch, is_direct] {
        const bool good = look_through(batch, items, decoders);
        const std::lock_guard lock(mutex);
        is_good = is_good && good;
        if (!is_direct) free.push_back(batch.bytes);
        changed.notify_one();
      });
    }
    thread.finish();
    if (is_out_of_memory_) throw std::bad_alloc();
    return is_good;
  }

  /// Checksums, and the numbers out of the chunks. In the thread.
  bool look_through(const Batch& batch, const std::vector<Item>& items,
                    std::array<std::optional<Decoder>, 3>& decoders) noexcept {
    try {
      bool is_good = true;
      const std::byte* from = batch.bytes;
      for (std::size_t i = batch.first; i < batch.first + batch.n; ++i) {
        Set& set = sets_[items[i].set];
        const std::size_t c = items[i].chunk;
        const Place& place = set.places[c];
        const std::span<const std::byte> bytes(from, place.n_bytes);
        from += place.n_bytes;
        set.file_crcs[c] = base::crc32c(bytes);
        if (!set.layout.is_chunked) {
          set.crcs[c] = set.file_crcs[c];
          continue;
        }
        std::optional<Decoder>& decoder = decoders[static_cast<std::size_t>(set.layout.codec)];
        if (!decoder) decoder.emplace(set.layout.codec);
        const std::span<std::byte> rows(set.rows.get() + c * set.layout.chunk_bytes(),
                                        set.n_bytes_of(c, communicator_.rank()));
        is_good = decode(set.layout, place, bytes, *decoder, rows) && is_good;
        set.crcs[c] = base::crc32c(rows);
      }
      return is_good;
    } catch (const std::bad_alloc&) {
      is_out_of_memory_ = true;
      return false;
    }
  }

  /// `rows`: fewer than the chunk has in the last one.
  static bool decode(const Layout& layout, const Place& place, std::span<const std::byte> bytes,
                     Decoder& decoder, std::span<std::byte> rows) {
    constexpr std::uint32_t both = 0b11, compression = 0b10;
    const std::size_t whole = layout.chunk_bytes();
    if (place.left_out == compression) {  // HDF5 leaves it out where it does not help
      if (bytes.size() != whole || rows.size() != whole) return whole == 0;
      unshuffle(bytes, layout.number_bytes, rows.data(), layout.high_first);
      return true;
    }
    const bool is_raw = layout.codec == Codec::none || place.left_out == both;
    if ((is_raw && bytes.size() != whole) || (!is_raw && place.left_out != 0)) return false;
    if (rows.size() == whole)
      return decoder.decode(bytes, layout.number_bytes, layout.high_first, rows);
    const std::span<const std::byte> all =
        decoder.decode(bytes, whole, layout.number_bytes, layout.high_first);
    if (all.empty()) return false;
    std::copy_n(all.begin(), rows.size(), rows.begin());
    return true;
  }

  /// Whether chunks and metadata together are the file that the marker knows. Collective.
  bool whole_is_good() {
    std::vector<Summed> mine = metadata_;  // the root's
    for (const Set& set : sets_) {
      bool follows = false;
      for (std::size_t c = 0; c < set.places.size(); ++c) {
        const Place& place = set.places[c];
        Summed* const last = follows ? &mine.back() : nullptr;
        follows = true;
        if (last != nullptr && last->address + last->n_bytes == place.address) {
          last->crc = base::crc32c_joined(last->crc, set.file_crcs[c], place.n_bytes);
          last->n_bytes += place.n_bytes;
        } else {
          mine.push_back({place.address, place.n_bytes, set.file_crcs[c], 0});
        }
      }
    }
    std::vector<std::vector<Summed>> sent(static_cast<std::size_t>(communicator_.size()));
    sent[0] = std::move(mine);
    std::vector<Summed> all = communicator_.exchange(sent);
    std::uint8_t is_good = 1;
    if (communicator_.is_root()) {
      std::sort(all.begin(), all.end(),
                [](const Summed& a, const Summed& b) { return a.address < b.address; });
      Part whole;
      for (const Summed& one : all) {
        if (one.address != whole.n_bytes) is_good = 0;
        whole.join({one.crc, one.n_bytes});
      }
      if (whole.n_bytes != marker_.whole.n_bytes || whole.crc != marker_.whole.crc) is_good = 0;
    }
    communicator_.broadcast(is_good);
    return is_good != 0;
  }

  Communicator communicator_;
  std::string path_, problem_;
  Marker marker_;
  bool is_checked_before_ = false;
  bool is_out_of_memory_ = false;  ///< noted in the thread, read when it has finished
  std::vector<Summed> metadata_;   ///< on the root
  Snapshot facts_;
  std::vector<Set> sets_;  ///< the fields, then cell_rank
  std::vector<std::unique_ptr<BlockStreams>> plans_;
  std::size_t n_taken_ = 0;
};

CheckpointReader::CheckpointReader(const Communicator& communicator, const std::string& path)
    : impl_(std::make_unique<Impl>(communicator, path)) {}
CheckpointReader::~CheckpointReader() = default;

const std::string& CheckpointReader::problem() const {
  return impl_->problem();
}
const Snapshot& CheckpointReader::facts() const {
  return impl_->facts();
}
void CheckpointReader::choose(const Rows& nodes) {
  impl_->choose(nodes);
}
void CheckpointReader::take(std::size_t i, std::span<double> values) {
  impl_->take(i, values);
}
bool CheckpointReader::is_whole() const {
  return impl_->is_whole();
}

}  // namespace ritz::store
