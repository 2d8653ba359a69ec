// Not compiled: an application reaching past the rooms it may include.
#include "ritz/mesh/box.hpp"
