#include "checkpoint_job.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <future>

#include "checkpoint_names.hpp"
#include "codec.hpp"
#include "files.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;

std::string compression_note(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::deflate:
      return "HDF5's shuffle and deflate filters";
    case Codec::zstd:
      return "HDF5's shuffle filter and Zstandard, the registered HDF5 filter 32015. HDF5 reads it "
             "with a plugin of that number (Python: pip install hdf5plugin and import hdf5plugin "
             "before h5py opens the file; others: a folder with the plugin in HDF5_PLUGIN_PATH). "
             "Without one: 'ritz unpack FILE OUT' writes the same numbers without it.";
  }
  return {};
}

/// Calls each(address, bytes) for chunks that lie side by side in memory and in the file, as one.
template <class Each>
void each_piece(const Job& job, const Each& each) {
  std::size_t i = 0;
  while (i < job.chunks.size()) {
    const std::size_t first = i;
    std::size_t n = job.sizes[i];
    for (++i; i < job.chunks.size() && job.addresses[i] == job.addresses[first] + n &&
              job.chunks[i].at == job.chunks[first].at + n;
         ++i) {
      n += job.sizes[i];
    }
    each(job.addresses[first], std::span(job.buffer.get() + job.chunks[first].at, n));
  }
}

[[noreturn]] void differs(const std::string& path) {
  throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                    "it does not read back as it was written: the disk, the network or the memory "
                    "damages data");
}

/// Whether this rank's compressed chunks become the numbers they were made from.
bool become_numbers(const Job& job) {
  if (job.options.codec == Codec::none) return true;
  Decoder decoder(job.options.codec);
  for (const Set& set : job.sets) {
    for (std::size_t c = 0; c < set.n_chunks; ++c) {
      const std::size_t i = set.first_chunk + c;
      const std::span<const std::byte> numbers = decoder.decode(
          {job.buffer.get() + job.chunks[i].at, job.sizes[i]}, set.shape.chunk_bytes(),
          set.shape.number_bytes(), is_high_first(job.options.codec, set.shape.number_bytes()));
      const std::size_t n = set.rows_of_chunk(c) * set.shape.row_bytes();
      if (numbers.size() < n || base::crc32c(numbers.first(n)) != job.chunks[i].raw_crc)
        return false;
    }
  }
  return true;
}

/// Whether this rank's chunks are in the file as they are in memory.
void verify_chunks(const Job& job, const Descriptor& file) {
  std::vector<std::byte> content;
  for (std::size_t i = 0; i < job.chunks.size(); ++i) {
    content.resize(job.sizes[i]);
    read_at(file, job.path, job.addresses[i], content);
    if (base::crc32c(content) != job.chunks[i].file_crc) differs(job.path);
  }
}

/// Flushes the folder of a file and, should they be new, the names of the folders it lies in. Those
/// that may not be looked into are the business of whoever made them.
void sync_folders(const std::string& path) {
  sync(folder_of(path), true);
  fs::path folder = fs::absolute(folder_of(path));
  while (folder.has_relative_path()) {
    folder = folder.parent_path();
    if (::access(folder.c_str(), R_OK) != 0) return;
    sync(folder.string(), true);
  }
}

}  // namespace

void remove_old(const std::string& path) {
  for (const std::string& name : {marker_path(path), path}) {
    std::error_code failed;
    if (fs::remove(name, failed)) sync(folder_of(path), true);
    if (failed) throw file_error(name, "cannot remove the old file", failed.value());
  }
}

void encode(Job& job) {
  const double start = now();
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("encode");
    Encoder encoder(job.options.codec, job.options.level);
    std::byte* const buffer = job.buffer.get();
    // Chunks move to the front one after the other: none is longer than it was.
    std::size_t end = 0;
    for (const Set& set : job.sets) {
      for (std::size_t c = 0; c < set.n_chunks; ++c) {
        Chunk& chunk = job.chunks[set.first_chunk + c];
        std::uint32_t& size = job.sizes[set.first_chunk + c];
        std::byte* const raw = buffer + set.offset + c * set.shape.chunk_bytes();
        const std::size_t n = set.rows_of_chunk(c) * set.shape.row_bytes();
        chunk.raw_crc = base::crc32c({raw, n});
        if (job.options.codec == Codec::none) {
          chunk.at = static_cast<std::size_t>(raw - buffer);
          chunk.file_crc = chunk.raw_crc;
          size = static_cast<std::uint32_t>(n);
          continue;
        }
        // HDF5's chunks are all of the same size.
        const std::size_t whole = set.shape.chunk_bytes();
        std::memset(raw + n, 0, whole - n);
        std::span<const std::byte> shorter = encoder.encode({raw, whole}, set.shape.number_bytes());
        if (shorter.empty()) shorter = encoder.unfiltered({raw, whole}, set.shape.number_bytes());
        std::memmove(buffer + end, shorter.data(), shorter.size());
        chunk.at = end;
        chunk.file_crc = base::crc32c({buffer + end, shorter.size()});
        size = static_cast<std::uint32_t>(shorter.size());
        end += shorter.size();
      }
    }
  });
  job.status.encode_seconds = now() - start;
}

void write(Job& job, bool is_root) {
  const double start = now();
  double written = start;
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("write");
    // A rank without chunks has nothing to flush.
    if (job.chunks.empty() && !is_root) return;
    // In a thread of its own, because flushing is waiting for the disk; where there is none to be
    // had, afterwards.
    std::future<bool> are_numbers = std::async(std::launch::async | std::launch::deferred,
                                               [&job] { return become_numbers(job); });
    Descriptor file(job.path, O_RDWR);
    if (!file.valid()) throw file_error(job.path, "cannot open it to write", errno);
    each_piece(job, [&](std::uint64_t address, std::span<const std::byte> bytes) {
      write_at(file, job.path, address, bytes);
    });
    if (is_root) {
      for (const Piece& piece : job.metadata)
        write_at(file, job.path, piece.address, job.image->bytes(piece));
      if (::ftruncate(file.get(), static_cast<off_t>(job.file_bytes)) != 0)
        throw file_error(job.path, "cannot set its size", errno);
    }
    // On every rank: what a rank's node holds of the file is on the disk only after its own flush.
    if (::fsync(file.get()) != 0) throw file_error(job.path, "cannot flush it to the disk", errno);
    if (is_root) sync_folders(job.path);
    written = now();
    verify_chunks(job, file);
    if (!are_numbers.get()) differs(job.path);
    if (is_root) {
      std::vector<std::byte> content;
      for (const Piece& piece : job.metadata) {
        content.resize(static_cast<std::size_t>(piece.n_bytes));
        read_at(file, job.path, piece.address, content);
        if (content != job.image->bytes(piece)) differs(job.path);
      }
    }
    if (!file.close()) throw file_error(job.path, "cannot close it", errno);
  });
  job.status.write_seconds = written - start;
  job.status.verify_seconds = now() - written;
}

void complete(Job& job) {
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("complete");
    for (const Piece& piece : job.metadata) {
      const std::vector<std::byte> content = job.image->bytes(piece);
      job.places.push_back({piece, base::crc32c(content)});
    }
    std::sort(job.places.begin(), job.places.end(), [](const Job::Place& a, const Job::Place& b) {
      return a.piece.address < b.piece.address;
    });
    for (const Job::Place& place : job.places)
      job.marker.whole.join({place.crc, place.piece.n_bytes});
    std::string pieces;
    Part metadata;
    for (const Piece& piece : job.metadata) {
      pieces += fmt::format(" {}+{}", piece.address, piece.n_bytes);
      metadata.join({base::crc32c(job.image->bytes(piece)), piece.n_bytes});
    }
    job.marker.data.emplace_back(metadata_name + pieces, metadata.crc);
    write_marker(marker_path(job.path), text_of(job.marker));
    if (job.options.when_complete) job.options.when_complete();
  });
}

void make_image(Job& job, int n_ranks) {
  std::vector<std::vector<std::uint32_t>> sizes(job.sets.size());
  std::size_t n_chunks = 0;
  // The ranks' chunks of a set follow one another in its order.
  std::vector<std::vector<std::uint32_t>> of_rank;
  job.all.walk([&](int rank, std::byte* at) {
    at += sizeof(Status);
    for (std::size_t s = 0; s < job.sets.size(); ++s) {
      const std::size_t n = job.sets[s].blocks.n_chunks_of(rank);
      const std::size_t before = sizes[s].size();
      sizes[s].resize(before + n);
      std::memcpy(sizes[s].data() + before, at, n * sizeof(std::uint32_t));
      at += n * sizeof(std::uint32_t);
      n_chunks += n;
    }
  });
  job.image = std::make_unique<Image>(job.path, n_chunks);
  Image& image = *job.image;
  const auto text = [&](const std::string& name, const std::string& content) {
    image.text(name, content);
    job.marker.data.emplace_back(name, base::crc32c(std::as_bytes(std::span(content))));
  };
  image.group("/ritz");
  for (const char* group : {state_group, field_group, fact_group}) image.group(group);
  image.attribute(state_group, "compression", compression_note(job.options.codec));
  for (const auto& [name, content] : job.small.facts)
    text(std::string(fact_group) + "/" + name, content);
  std::string names, field_list;
  std::vector<double> numbers;
  for (const auto& [name, value] : job.small.numbers) {
    names += name + '\n';
    numbers.push_back(value);
  }
  for (const Snapshot::Field& field : job.small.fields)
    field_list += fmt::format("{} {}\n", field.n_components, field.name);
  text(number_names, names);
  text(field_names, field_list);
  image.numbers(numbers_name, numbers);
  job.marker.data.emplace_back(numbers_name, base::crc32c(bytes_of(numbers)));
  image.group("/ritz/provenance");
  for (const auto& [name, content] : job.provenance)
    image.attribute("/ritz/provenance", name, content);

  std::vector<std::vector<std::uint64_t>> addresses(job.sets.size());
  for (std::size_t s = 0; s < job.sets.size(); ++s) {
    const DatasetShape& shape = job.sets[s].shape;
    if (job.options.codec == Codec::none) {
      std::uint64_t at = image.contiguous(shape);
      for (const std::uint32_t n : sizes[s]) {
        addresses[s].push_back(at);
        at += n;
      }
    } else {
      addresses[s] = image.chunked(shape, job.options.codec, job.options.level, sizes[s]);
    }
  }
  job.file_bytes = image.close();

  // By rank, as the answers go out.
  for (int rank = 0; rank < n_ranks; ++rank) {
    for (std::size_t s = 0; s < job.sets.size(); ++s) {
      const comm::BlockRange range = job.sets[s].blocks.chunks();
      for (auto c = static_cast<std::size_t>(range.begin(rank));
           c < static_cast<std::size_t>(range.end(rank)); ++c) {
        job.places.push_back({{addresses[s][c], sizes[s][c]}, 0});
      }
    }
  }
  std::vector<Piece> taken;
  for (const Job::Place& place : job.places) taken.push_back(place.piece);
  std::sort(taken.begin(), taken.end(),
            [](const Piece& a, const Piece& b) { return a.address < b.address; });
  std::uint64_t end = 0;
  taken.push_back({job.file_bytes, 0});
  for (const Piece& piece : taken) {
    if (piece.address < end) {
      throw base::Error(base::ExitCode::internal, base::Location{job.path, 0, 0},
                        "two chunks were given the same place; please report this");
    }
    if (piece.address > end) job.metadata.push_back({end, piece.address - end});
    end = piece.address + piece.n_bytes;
  }
}

void note_checksums(Job& job) {
  for (std::size_t s = 0; s < job.sets.size(); ++s) {
    const Set& set = job.sets[s];
    Part whole;
    job.all.walk([&](int rank, std::byte* at) {
      at += sizeof(Status);
      for (const Set& one : job.sets) at += one.blocks.n_chunks_of(rank) * sizeof(std::uint32_t);
      std::uint32_t crc = 0;
      std::memcpy(&crc, at + s * sizeof crc, sizeof crc);
      whole.join({crc, set.blocks.n_rows_of(rank) * set.shape.row_bytes()});
    });
    job.marker.data.emplace_back(set.shape.name, whole.crc);
  }
}

Status joined_status(Job& job) {
  Status whole;
  job.all.walk([&](int, std::byte* at) {
    Status one;
    std::memcpy(&one, at, sizeof one);
    if (whole.good() && !one.good()) {
      whole = one;
    } else if (whole.good()) {
      whole.encode_seconds = std::max(whole.encode_seconds, one.encode_seconds);
      whole.write_seconds = std::max(whole.write_seconds, one.write_seconds);
      whole.verify_seconds = std::max(whole.verify_seconds, one.verify_seconds);
    }
  });
  return whole;
}

}  // namespace ritz::store
