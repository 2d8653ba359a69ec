#include "ritz/la/version.hpp"

#include <Trilinos_version.h>

namespace ritz::la {

std::string trilinos_version() {
  // "13.2 (Dev)" and the like: the first word is the number.
  const std::string text = TRILINOS_VERSION_STRING;
  return text.substr(0, text.find(' '));
}

}  // namespace ritz::la
