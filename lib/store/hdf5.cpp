#include "hdf5.hpp"

namespace ritz::store {

namespace {

herr_t append_line(unsigned, const H5E_error2_t* entry, void* text) {
  auto& out = *static_cast<std::string*>(text);
  if (entry->desc && *entry->desc) {
    if (!out.empty()) out += "; ";
    out += entry->desc;
  }
  return 0;
}

}  // namespace

std::string error_stack() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_line, &text);
  return text.empty() ? "no further details from HDF5" : text;
}

Handle checked(hid_t id, Handle::Close close, const std::string& path, const char* action) {
  if (id < 0) checked(static_cast<herr_t>(-1), path, action);
  return {id, close};
}

void checked(herr_t code, const std::string& path, const char* action) {
  if (code < 0) throw failure(path, action, error_stack());
}

base::Error failure(const std::string& path, const char* action, const std::string& why) {
  // HDF5 1.10 says "unable to lock file", later ones "unable to lock the file".
  const bool by_lock = why.find("unable to lock") != std::string::npos;
  return {base::ExitCode::io, base::Location{path, 0, 0},
          std::string("cannot ") + action + " (HDF5: " + why + "); " +
              (by_lock ? "another program has locked the file, or locks fail on its file system: "
                         "there set the environment variable HDF5_USE_FILE_LOCKING=FALSE"
                       : "check free space, quota and permissions of its folder")};
}

QuietErrors::QuietErrors() {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietErrors::~QuietErrors() {
  H5Eset_auto2(H5E_DEFAULT, function_, data_);
}

}  // namespace ritz::store
