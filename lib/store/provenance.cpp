#include "provenance.hpp"

namespace ritz::store {

void write_provenance(Writer& writer, const comm::Communicator& communicator,
                      Provenance provenance) {
  // The root's, so that every rank creates the same attributes.
  std::uint64_t n = provenance.size();
  communicator.broadcast(n);
  provenance.resize(n);
  for (auto& [name, text] : provenance) {
    communicator.broadcast(name);
    communicator.broadcast(text);
  }
  writer.group("/ritz/provenance");
  constexpr std::size_t attribute_limit =
      32768;  // HDF5 keeps attributes up to 64 KiB in the header
  for (const auto& [name, text] : provenance) {
    if (text.size() < attribute_limit)
      writer.attribute("/ritz/provenance", name, text);
    else
      writer.text("/ritz/provenance/" + name, text);
  }
}

}  // namespace ritz::store
