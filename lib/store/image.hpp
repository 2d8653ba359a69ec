#pragma once

// An HDF5 file of which HDF5 makes the metadata only, in memory; private to room store.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hdf5.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

/// Numbers of a dataset of an Image.
enum class NumberType { real, int32 };

/// Shape of a dataset: n_rows rows of `width` numbers (one dimension if width is 1).
struct DatasetShape {
  std::string name;
  NumberType type = NumberType::real;
  std::uint64_t n_rows = 0;
  std::size_t width = 1;
  std::uint64_t chunk_rows = 1;
  [[nodiscard]] std::size_t number_bytes() const { return type == NumberType::real ? 8 : 4; }
  [[nodiscard]] std::size_t row_bytes() const { return width * number_bytes(); }
  [[nodiscard]] std::size_t chunk_bytes() const {
    return static_cast<std::size_t>(chunk_rows) * row_bytes();
  }
};

/// Bytes of a file.
struct Piece {
  std::uint64_t address = 0;
  std::uint64_t n_bytes = 0;
};

/// One rank makes the whole file's metadata with HDF5's own code, through a file driver (HDF5: VFD)
/// that keeps what HDF5 writes in memory, and is told where the numbers of the large datasets go:
/// those that write them need neither HDF5 nor MPI-IO, and HDF5 never meets a disk that is full.
/// Local. Throws Error(io) with HDF5's words.
class Image {
 public:
  /// `path` for messages; `n_chunks`: of all datasets, for a good size of the blocks of metadata.
  Image(std::string path, std::uint64_t n_chunks);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  void group(const std::string& name);
  /// Texts of 32 KiB and more become datasets beside it: HDF5 keeps small attributes only.
  void attribute(const std::string& group, const std::string& name, const std::string& text);
  void text(const std::string& name, const std::string& content);
  void numbers(const std::string& name, std::span<const double> values);

  /// A dataset without filters in one piece: where it begins.
  std::uint64_t contiguous(const DatasetShape& shape);
  /// A chunked dataset, shuffled and compressed: where each of its chunks, of `sizes` bytes, goes.
  /// A chunk of full size is one that is stored as it is.
  std::vector<std::uint64_t> chunked(const DatasetShape& shape, Codec codec, int level,
                                     std::span<const std::uint32_t> sizes);

  /// Ends the file: its size. Nothing may be added after that.
  std::uint64_t close();
  /// What HDF5 wrote at these bytes; zero where it did not. After close().
  [[nodiscard]] std::vector<std::byte> bytes(const Piece& piece) const;

  struct Memory;  ///< what the driver writes into

 private:
  void attribute_on(hid_t object, const std::string& name, const std::string& text);
  /// `type` in the file; that of this processor if negative.
  Handle create(const DatasetShape& shape, hid_t creation, hid_t type = -1);

  std::string path_;
  QuietErrors quiet_;
  std::unique_ptr<Memory> memory_;
  Handle file_;
};

}  // namespace ritz::store
