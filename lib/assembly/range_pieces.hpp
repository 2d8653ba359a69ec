#pragma once

#include <algorithm>

#include "cell_batches.hpp"

namespace ritz::assembly {

/// Ranges of dofs [first, last), cut into pieces of about the same size that are taken one after
/// the other.
class RangePieces {
 public:
  using Range = CellBatches::Range;

  /// All of them in at most `n_pieces` pieces. The ranges must stay. Local.
  RangePieces(const Range* first, const Range* last, int n_pieces) : range_(first), end_(last) {
    LocalId total = 0;
    for (const Range* r = first; r != last; ++r) total += r->second - r->first;
    piece_ = (total + n_pieces - 1) / n_pieces;
    if (range_ != end_) at_ = range_->first;
  }

  /// Calls visit(begin, end) for the parts of ranges in the next piece, none where none is left.
  template <class Visit>
  void next(const Visit& visit) {
    LocalId left = piece_;
    while (left > 0 && range_ != end_) {
      const LocalId stop = std::min(at_ + left, range_->second);
      visit(at_, stop);
      left -= stop - at_;
      at_ = stop;
      if (at_ == range_->second && ++range_ != end_) at_ = range_->first;
    }
  }

 private:
  const Range* range_;
  const Range* end_;
  LocalId piece_ = 0, at_ = 0;
};

}  // namespace ritz::assembly
