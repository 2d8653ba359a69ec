// Not compiled: material for tests/rooms, one forbidden include of each kind.
#include <hdf5.h>

#include "ritz/nowhere/nothing.hpp"
#include "ritz/solve/solver.hpp"
