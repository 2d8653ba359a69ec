#include "texts.hpp"

#include <algorithm>

namespace ritz::store {

std::string padded(const std::string& text) {
  return text.empty() ? std::string(1, '\0') : text;
}

Handle text_type(const std::string& text, const std::string& path) {
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 128; });
  Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, path, "make a text type");
  checked(H5Tset_size(type.get(), std::max<std::size_t>(1, text.size())), path, "size a text");
  checked(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), path, "pad a text");
  checked(H5Tset_cset(type.get(), is_ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8), path,
          "set a text's encoding");
  return type;
}

}  // namespace ritz::store
