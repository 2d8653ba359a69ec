#include "hdf5.hpp"

#include <cstdlib>

#include "codec.hpp"
#include "ritz/base/format.hpp"
#include "ritz/store/results.hpp"

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

std::string locking_policy = "best-effort";

}  // namespace

void begin_library() {
  H5dont_atexit();
}

std::string set_file_locking(const std::string& policy) {
  locking_policy = policy;
  constexpr const char* name = "HDF5_USE_FILE_LOCKING";
  const char* theirs = std::getenv(name);
  if (theirs == nullptr || *theirs == '\0' || policy == "best-effort") return {};
  const std::string text = theirs;
  // HDF5's words; others it takes for none.
  const std::string means = text == "FALSE" || text == "0"  ? "off"
                            : text == "TRUE" || text == "1" ? "on"
                            : text == "BEST_EFFORT"         ? "best-effort"
                                                            : policy;
  if (means == policy) return {};
  return fmt::format("output.file_locking = \"{}\" is overridden by {}={} in the environment",
                     policy, name, text);
}

Handle open_to_read(const std::string& path, const char* what) {
  register_zstd();
  const Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, what);
  // HDF5 itself prefers what HDF5_USE_FILE_LOCKING says.
  checked(H5Pset_file_locking(access.get(), locking_policy != "off", locking_policy != "on"), path,
          what);
  return checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, path, what);
}

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
  return {
      base::ExitCode::io, base::Location{path, 0, 0},
      std::string("cannot ") + action + " (HDF5: " + why + "); " +
          (by_lock ? "another program has locked the file, or locks fail on its file system: "
                     "there say output.file_locking = \"off\" (--set output.file_locking=off), or "
                     "HDF5_USE_FILE_LOCKING=FALSE in the environment"
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
