#include "image.hpp"

#include <hdf5.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <unordered_map>

#include "codec.hpp"
#include "ritz/base/error.hpp"
#include "texts.hpp"

namespace ritz::store {

/// The file: pages of what HDF5 wrote. While `passes` is set, numbers are not kept and their
/// address is noted instead.
struct Image::Memory {
  static constexpr std::size_t page_bytes = std::size_t{1} << 16;
  using Page = std::array<std::byte, page_bytes>;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages;
  std::uint64_t end_of_addresses = 0, end_of_file = 0;
  bool passes = false;
  std::uint64_t passed_at = HADDR_UNDEF;

  /// Calls each(page or null, first byte in it, bytes, place) for the pages of a piece.
  template <class Each>
  static void walk(std::uint64_t address, std::size_t n, const Each& each) {
    std::size_t done = 0;
    while (done < n) {
      const std::uint64_t at = address + done;
      const auto in_page = static_cast<std::size_t>(at % page_bytes);
      const std::size_t take = std::min(n - done, page_bytes - in_page);
      each(at / page_bytes, in_page, take, done);
      done += take;
    }
  }
  void write(std::uint64_t address, std::size_t n, const std::byte* from) {
    walk(address, n, [&](std::uint64_t page, std::size_t first, std::size_t take, std::size_t at) {
      std::unique_ptr<Page>& to = pages[page];
      if (!to) to = std::make_unique<Page>();
      std::memcpy(to->data() + first, from + at, take);
    });
    end_of_file = std::max(end_of_file, address + n);
  }
  void read(std::uint64_t address, std::size_t n, std::byte* to) const {
    walk(address, n, [&](std::uint64_t page, std::size_t first, std::size_t take, std::size_t at) {
      const auto found = pages.find(page);
      if (found == pages.end()) {
        std::memset(to + at, 0, take);
      } else {
        std::memcpy(to + at, found->second->data() + first, take);
      }
    });
  }
};

namespace {

/// HDF5's file of this driver. HDF5 wants its own part first.
struct DriverFile {
  H5FD_t base;
  Image::Memory* memory;
};
Image::Memory& memory_of(H5FD_t* file) {
  return *reinterpret_cast<DriverFile*>(file)->memory;
}
const Image::Memory& memory_of(const H5FD_t* file) {
  return *reinterpret_cast<const DriverFile*>(file)->memory;
}

/// The driver's property: where a file that is opened keeps its bytes.
struct DriverProperty {
  Image::Memory* memory;
};

H5FD_t* open_in_memory(const char*, unsigned, hid_t access, haddr_t) {
  const auto* property = static_cast<const DriverProperty*>(H5Pget_driver_info(access));
  if (property == nullptr) return nullptr;
  // HDF5's code is C: no exceptions through it.
  auto* file = new (std::nothrow) DriverFile{};
  if (file == nullptr) return nullptr;
  file->memory = property->memory;
  return &file->base;
}

herr_t close_in_memory(H5FD_t* file) {
  delete reinterpret_cast<DriverFile*>(file);
  return 0;
}

herr_t query_in_memory(const H5FD_t*, unsigned long* flags) {
  *flags =
      H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t end_of_addresses(const H5FD_t* file, H5FD_mem_t) {
  return memory_of(file).end_of_addresses;
}
herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  memory_of(file).end_of_addresses = address;
  return 0;
}
haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return memory_of(file).end_of_file;
}

herr_t read_in_memory(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t n, void* to) {
  memory_of(file).read(address, n, static_cast<std::byte*>(to));
  return 0;
}

herr_t write_in_memory(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, std::size_t n,
                       const void* from) {
  Image::Memory& memory = memory_of(file);
  if (memory.passes && type == H5FD_MEM_DRAW) {
    memory.passed_at = address;
    memory.end_of_file = std::max<std::uint64_t>(memory.end_of_file, address + n);
    return 0;
  }
  try {
    memory.write(address, n, static_cast<const std::byte*>(from));
  } catch (const std::bad_alloc&) {
    return -1;
  }
  return 0;
}

herr_t truncate_in_memory(H5FD_t* file, hid_t, hbool_t) {
  Image::Memory& memory = memory_of(file);
  memory.end_of_file = memory.end_of_addresses;
  return 0;
}

hid_t driver() {
  static const hid_t id = [] {
    static H5FD_class_t kind{};
#if H5_VERSION_GE(1, 13, 0)
    kind.version = H5FD_CLASS_VERSION;
    kind.value = static_cast<H5FD_class_value_t>(593);  // from the range for own tries
#endif
    kind.name = "ritz_image";
    kind.maxaddr = ~std::uint64_t{0} >> 1U;
    kind.fc_degree = H5F_CLOSE_STRONG;
    kind.fapl_size = sizeof(DriverProperty);
    kind.open = open_in_memory;
    kind.close = close_in_memory;
    kind.query = query_in_memory;
    kind.get_eoa = end_of_addresses;
    kind.set_eoa = set_end_of_addresses;
    kind.get_eof = end_of_file;
    kind.read = read_in_memory;
    kind.write = write_in_memory;
    kind.truncate = truncate_in_memory;
    const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(map), std::end(map), kind.fl_map);
    return H5FDregister(&kind);
  }();
  return id;
}

hid_t native(NumberType type) {
  return type == NumberType::real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT32;
}

/// Without the time of its creation: the same state makes the same file to the bit.
Handle creation_list(const std::string& path) {
  Handle list = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path, "prepare a dataset");
  checked(H5Pset_obj_track_times(list.get(), false), path, "prepare a dataset");
  return list;
}

}  // namespace

Image::Image(std::string path, std::uint64_t n_chunks)
    : path_(std::move(path)), memory_(std::make_unique<Memory>()) {
  Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path_, "prepare the file");
  checked(static_cast<herr_t>(driver() < 0 ? -1 : 0), path_, "register the file driver");
  const DriverProperty property{memory_.get()};
  checked(H5Pset_driver(access.get(), driver(), &property), path_, "choose the file driver");
  // Large pieces at addresses that file systems like; the index of the chunks in few blocks, so
  // that those of a rank lie side by side.
  constexpr hsize_t mebibyte = hsize_t{1} << 20;
  checked(H5Pset_alignment(access.get(), 4 * mebibyte, mebibyte), path_, "align the file");
  const std::uint64_t index = std::bit_ceil(std::uint64_t{4096} + 80 * n_chunks);
  checked(H5Pset_meta_block_size(access.get(), std::min<hsize_t>(index, mebibyte)), path_,
          "size the metadata");
  file_ = checked(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose,
                  path_, "create the file");
}

Image::~Image() = default;

void Image::group(const std::string& name) {
  checked(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
          path_, "create a group");
}

void Image::attribute(const std::string& group, const std::string& name, const std::string& text) {
  constexpr std::size_t limit = 32768;
  if (text.size() >= limit) {
    this->text(group + "/" + name, text);
    return;
  }
  const Handle on =
      checked(H5Oopen(file_.get(), group.c_str(), H5P_DEFAULT), H5Oclose, path_, "open a group");
  attribute_on(on.get(), name, text);
}

void Image::attribute_on(hid_t object, const std::string& name, const std::string& text) {
  const Handle type = text_type(text, path_);
  const Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
  const Handle made =
      checked(H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
              H5Aclose, path_, "create an attribute");
  checked(H5Awrite(made.get(), type.get(), padded(text).data()), path_, "write an attribute");
}

void Image::text(const std::string& name, const std::string& content) {
  const Handle type = text_type(content, path_);
  const Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
  const Handle set = checked(H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(),
                                        H5P_DEFAULT, creation_list(path_).get(), H5P_DEFAULT),
                             H5Dclose, path_, "create a text");
  checked(H5Dwrite(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, padded(content).data()),
          path_, "write a text");
}

void Image::numbers(const std::string& name, std::span<const double> values) {
  const hsize_t n = values.size();
  const Handle space = checked(H5Screate_simple(1, &n, nullptr), H5Sclose, path_, "make a list");
  const Handle set = checked(H5Dcreate2(file_.get(), name.c_str(), H5T_NATIVE_DOUBLE, space.get(),
                                        H5P_DEFAULT, creation_list(path_).get(), H5P_DEFAULT),
                             H5Dclose, path_, "create a list");
  if (n == 0) return;
  checked(H5Dwrite(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
          path_, "write a list");
}

Handle Image::create(const DatasetShape& shape, hid_t creation, hid_t type) {
  const std::array<hsize_t, 2> size{shape.n_rows, shape.width};
  const Handle space = checked(H5Screate_simple(shape.width == 1 ? 1 : 2, size.data(), nullptr),
                               H5Sclose, path_, "make a data space");
  return checked(H5Dcreate2(file_.get(), shape.name.c_str(), type < 0 ? native(shape.type) : type,
                            space.get(), H5P_DEFAULT, creation, H5P_DEFAULT),
                 H5Dclose, path_, "create a dataset");
}

std::uint64_t Image::contiguous(const DatasetShape& shape) {
  const Handle creation = creation_list(path_);
  checked(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), path_, "prepare a dataset");
  checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), path_, "prepare a dataset");
  checked(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), path_, "prepare a dataset");
  const Handle set = create(shape, creation.get());
  if (shape.n_rows == 0) return 0;
  const haddr_t address = H5Dget_offset(set.get());
  checked(static_cast<herr_t>(address == HADDR_UNDEF ? -1 : 0), path_, "place a dataset");
  memory_->end_of_file =
      std::max<std::uint64_t>(memory_->end_of_file, address + shape.n_rows * shape.row_bytes());
  return address;
}

std::vector<std::uint64_t> Image::chunked(const DatasetShape& shape, Codec codec, int level,
                                          std::span<const std::uint32_t> sizes) {
  const Handle creation = creation_list(path_);
  const std::array<hsize_t, 2> chunk{shape.chunk_rows, shape.width};
  const int n_dims = shape.width == 1 ? 1 : 2;
  checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), path_, "prepare a dataset");
  checked(H5Pset_chunk(creation.get(), n_dims, chunk.data()), path_, "set the chunks");
  checked(H5Pset_shuffle(creation.get()), path_, "set the shuffle filter");
  if (codec == Codec::deflate) {
    checked(H5Pset_deflate(creation.get(), static_cast<unsigned>(level)), path_,
            "set the deflate filter");
  } else {
    register_zstd();
    const auto parameter = static_cast<unsigned>(level);
    checked(H5Pset_filter(creation.get(), zstd_filter, H5Z_FLAG_MANDATORY, 1, &parameter), path_,
            "set the Zstandard filter");
  }
  const Handle set = create(shape, creation.get(),
                            is_high_first(codec, shape.number_bytes()) ? H5T_IEEE_F64BE : -1);
  // HDF5 hands the bytes on to the driver, which does not look at them.
  const std::vector<std::byte> nothing(shape.chunk_bytes());
  std::vector<std::uint64_t> addresses;
  addresses.reserve(sizes.size());
  for (const std::uint32_t n : sizes) {
    const std::array<hsize_t, 2> first{addresses.size() * shape.chunk_rows, 0};
    const bool as_it_is = n == shape.chunk_bytes();
    constexpr std::uint32_t no_filter = 0b11;
    memory_->passes = true;
    memory_->passed_at = HADDR_UNDEF;
    const herr_t code = H5Dwrite_chunk(set.get(), H5P_DEFAULT, as_it_is ? no_filter : 0,
                                       first.data(), n, nothing.data());
    memory_->passes = false;
    checked(code, path_, "place a chunk");
    checked(static_cast<herr_t>(memory_->passed_at == HADDR_UNDEF ? -1 : 0), path_,
            "find a chunk's place");
    addresses.push_back(memory_->passed_at);
  }
  return addresses;
}

std::uint64_t Image::close() {
  checked(static_cast<herr_t>(file_.close() ? 0 : -1), path_, "close the file");
  return memory_->end_of_file;
}

std::vector<std::byte> Image::bytes(const Piece& piece) const {
  std::vector<std::byte> content(static_cast<std::size_t>(piece.n_bytes));
  memory_->read(piece.address, content.size(), content.data());
  return content;
}

}  // namespace ritz::store
