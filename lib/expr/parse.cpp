// Operator precedence parsing with a stack of our own (Floyd 1963, doi:10.1145/321172.321179): a
// text nested 10^5 deep costs memory on the heap and no call stack.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "functions.hpp"
#include "graph.hpp"
#include "ritz/base/text.hpp"
#include "ritz/expr/detail/quiet_arithmetic.hpp"
#include "ritz/expr/frozen.hpp"
#include "utf8.hpp"

namespace ritz::expr {

namespace {

using detail::Op;

constexpr std::size_t longest_text = 1'000'000;

/// Binding strength, loosest first.
enum class Level {
  open,
  logical_or,
  logical_and,
  logical_not,
  comparison,
  sum,
  product,
  sign,
  power
};

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A finished operand and the text it came from.
struct Operand {
  int node;
  Span span;
};

/// An operator, parenthesis or call that waits for its operands.
struct Pending {
  enum class Kind { parenthesis, call, prefix, infix };
  Kind kind;
  Level level;
  Op op;                                       ///< prefix, infix; add as prefix is a plus sign
  Span span;                                   ///< of the operator, '(' or function name
  const detail::Function* function = nullptr;  ///< call
  std::size_t first_argument = 0;              ///< call: height of the operand stack at '('
  std::size_t open = 0;                        ///< call: place of the '('
};

struct Infix {
  std::string_view sign;
  Level level;
  Op op;
  bool exchanged = false;  ///< a > b is b < a
};

constexpr Infix infix_signs[] = {
    // The longer one first where one starts another.
    {"<=", Level::comparison, Op::less_equal},
    {">=", Level::comparison, Op::less_equal, true},
    {"==", Level::comparison, Op::equal},
    {"!=", Level::comparison, Op::not_equal},
    {"<", Level::comparison, Op::less},
    {">", Level::comparison, Op::less, true},
    {"+", Level::sum, Op::add},
    {"-", Level::sum, Op::subtract},
    {"*", Level::product, Op::multiply},
    {"/", Level::product, Op::divide},
    {"^", Level::power, Op::power},
    {"and", Level::logical_and, Op::logical_and},
    {"or", Level::logical_or, Op::logical_or},
};

/// Signs of other languages, and what to write here.
constexpr std::pair<std::string_view, std::string_view> foreign_signs[] = {
    {"**", "'^'"},
    {"&&", "'and'"},
    {"||", "'or'"},
    {"<>", "'!='"},
    {"=<", "'<='"},
    {"=>", "'>='"},
    {"&", "'and'"},
    {"|", "'or'"},
    {"!", "'not'"},
    {"=", "'==' to compare"},
    {"%", "mod(u, v)"},
    {"?", "if(condition, value, other value)"},
    {"[", "'('"},
    {"]", "')'"},
    {"{", "'('"},
    {"}", "')'"},
    {"\xc2\xb7", "'*'"},          // middle dot
    {"\xc3\x97", "'*'"},          // multiplication sign
    {"\xc3\xb7", "'/'"},          // division sign
    {"\xe2\x88\x92", "'-'"},      // minus sign
    {"\xe2\x80\x93", "'-'"},      // en dash
    {"\xc2\xb2", "'^2'"},         // superscript two
    {"\xc2\xb3", "'^3'"},         // superscript three
    {"\xcf\x80", "'pi'"},         // Greek pi
    {"\xe2\x88\x9a", "sqrt(u)"},  // square root
    {"\xe2\x89\xa4", "'<='"},     // less or equal
    {"\xe2\x89\xa5", "'>='"},     // greater or equal
    {"\xe2\x89\xa0", "'!='"},     // not equal
};

std::string quoted(std::string_view text) {
  return std::string(1, '\'').append(text).append(1, '\'');
}

class Parser {
 public:
  Parser(std::string_view text, const Symbols& symbols, bool knows_frozen)
      : text_(text), symbols_(symbols), knows_frozen_(knows_frozen) {
    for (std::size_t i = 0; i < symbols.variables.size(); ++i) {
      const std::string& name = symbols.variables[i];
      variables_.try_emplace(name, static_cast<int>(i));
      if (const std::size_t open = name.find('('); open != std::string::npos) {
        call_heads_.insert(name.substr(0, open));
      }
    }
    for (const auto& [name, value] : symbols.parameters) parameters_.try_emplace(name, value);
  }

  Expression parse() {
    if (text_.size() > longest_text) {
      fail({longest_text, longest_text + 1},
           "the expression is longer than " + base::count_text(longest_text) + " characters");
    }
    for (;;) {
      skip_blanks();
      if (at_ == text_.size()) break;
      if (wants_operand_) {
        read_operand();
      } else {
        read_operator();
      }
    }
    if (wants_operand_)
      fail_missing_operand({text_.size(), text_.size() + 1}, "the expression ends");
    reduce_while(Level::logical_or);
    if (!pending_.empty()) {
      const Pending& open = pending_.back();
      const std::size_t place = open.kind == Pending::Kind::call ? open.open : open.span.begin;
      fail({place, place + 1}, "this '(' is never closed: a ')' is missing");
    }
    refuse_infinite_constants(operands_.back().node);
    return Expression(builder_.extract(operands_.back().node, symbols_.variables));
  }

 private:
  [[noreturn]] void fail(Span span, std::string message) const {
    throw ParseError(text_, span.begin, span.end - span.begin, std::move(message));
  }

  [[noreturn]] void fail_missing_operand(Span span, const std::string& what) const {
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      fail({0, 1}, "the expression is empty: write a number or a formula");
    }
    std::string after;
    if (!pending_.empty()) {
      const Pending& last = pending_.back();
      const bool call = last.kind == Pending::Kind::call;
      after = " after " + quoted(call && at_argument_start_ ? std::string_view(",")
                                 : call                     ? std::string_view("(")
                                                            : slice(last.span));
    }
    fail(span, what + " where a number, a name, a function or '(' should follow" + after);
  }

  [[nodiscard]] std::string_view slice(Span span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }

  /// The text of `span` for a message, shortened, without bytes that could disturb a terminal.
  [[nodiscard]] std::string shown(Span span) const {
    constexpr std::size_t longest = 40;
    std::string part(slice(span).substr(0, longest));
    for (char& c : part) {
      if (c < 0x20 || c == 0x7f) c = ' ';  // operands hold ASCII only
    }
    if (span.end - span.begin > longest) part += "...";
    return quoted(part);
  }

  [[nodiscard]] bool starts_with(std::string_view sign) const {
    return text_.substr(at_, sign.size()) == sign;
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  /// End of the name that starts at `begin`.
  [[nodiscard]] std::size_t name_end(std::size_t begin) const {
    std::size_t end = begin;
    while (end < text_.size() && (detail::is_letter(text_[end]) || detail::is_digit(text_[end]))) {
      ++end;
    }
    return end;
  }

  [[nodiscard]] bool number_starts() const {
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    return detail::is_digit(text_[at_]) || (text_[at_] == '.' && detail::is_digit(next));
  }

  // ---- operands -------------------------------------------------------------------------------

  void read_operand() {
    const char c = text_[at_];
    const Span here{at_, at_ + 1};
    if (number_starts()) {
      read_number();
    } else if (detail::is_letter(c)) {
      read_name();
    } else if (c == '(') {
      pending_.push_back({Pending::Kind::parenthesis, Level::open, Op::copy, here});
      ++at_;
    } else if (c == '-' || c == '+') {
      pending_.push_back(
          {Pending::Kind::prefix, Level::sign, c == '-' ? Op::negate : Op::add, here});
      ++at_;
    } else {
      if (c == ')' || c == ',') fail_missing_operand(here, quoted({&c, 1}) + " stands");
      for (const Infix& infix : infix_signs) {
        if (starts_with(infix.sign)) {
          fail_missing_operand({at_, at_ + infix.sign.size()}, quoted(infix.sign) + " stands");
        }
      }
      fail_character();
    }
    at_argument_start_ = false;
  }

  void read_number() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      while (at_ < text_.size() && detail::is_digit(text_[at_])) ++at_;
    };
    digits();
    if (at_ < text_.size() && text_[at_] == '.') ++at_;
    digits();
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (at_ == text_.size() || !detail::is_digit(text_[at_])) {
        fail({begin, at_}, "the exponent of this number has no digits");
      }
      digits();
    }
    double value = 0.0;
    const auto [end, problem] = std::from_chars(text_.data() + begin, text_.data() + at_, value);
    if (problem == std::errc::result_out_of_range) {
      fail({begin, at_},
           "this number is out of range: doubles reach from about 1e-308 to 1.79e308");
    }
    if (problem != std::errc{} || end != text_.data() + at_) fail({begin, at_}, "not a number");
    push_leaf(builder_.constant(value), {begin, at_});
  }

  void push_leaf(int node, Span span) {
    operands_.push_back({node, span});
    remember(span);
    wants_operand_ = false;
  }

  void read_name() {
    const Span span{at_, name_end(at_)};
    const std::string_view name = slice(span);
    if (name == "and" || name == "or") fail_missing_operand(span, quoted(name) + " stands");
    at_ = span.end;
    if (name == "not") {
      pending_.push_back({Pending::Kind::prefix, Level::logical_not, Op::logical_not, span});
      return;
    }
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '(') {
      open_call(name, span);
      return;
    }
    push_leaf(value_of_name(name, span), span);
  }

  /// Variables written as calls, such as dx(u) or grad(u).x; at_ is at the '('. False, with at_ as
  /// it was, if this is a call of a function.
  bool read_call_variable(std::string_view name, Span span) {
    const bool gradient = name == "grad";
    const bool derivative = detail::is_derivative_word(name);
    if (!derivative && call_heads_.count(std::string(name)) == 0) return false;
    const std::size_t open = at_++;
    skip_blanks();
    const std::size_t begin = at_;
    const bool named = at_ < text_.size() && detail::is_letter(text_[at_]);
    const Span argument{begin, named ? name_end(begin) : begin};
    at_ = argument.end;
    skip_blanks();
    const bool closed = named && at_ < text_.size() && text_[at_] == ')';
    if (closed) {
      ++at_;
      std::string key(name);
      Span whole{span.begin, at_};
      if (gradient) key = std::string("d") + read_direction(argument, whole);
      key.append("(").append(slice(argument)).append(")");
      if (const auto found = variables_.find(key); found != variables_.end()) {
        push_leaf(builder_.variable(found->second), whole);
        return true;
      }
      if (!derivative && detail::find_function(name) != nullptr) {
        at_ = open;
        return false;
      }
      fail_unknown_call(key, whole);
    }
    at_ = open;
    if (!derivative && detail::find_function(name) != nullptr) return false;
    const std::string form = std::string(name) + "(u)" + (gradient ? ".x" : "");
    // From the first thing that is no unknown to the ')' or the end of the text.
    std::size_t end = std::min(text_.find(')', begin), text_.size());
    end = std::max(end, std::min(begin + 1, text_.size()));
    fail({std::min(begin, text_.size() - 1), end},
         "only the name of an unknown can stand in the parentheses of " + quoted(name) +
             ", as in " + form);
  }

  /// x, y or z after grad(u), which ends at whole.end; extends `whole`.
  char read_direction(Span argument, Span& whole) {
    skip_blanks();
    const std::string gradient = "grad(" + std::string(slice(argument)) + ")";
    if (at_ == text_.size() || text_[at_] != '.') {
      fail(whole, quoted(gradient) + " is a vector: write " + gradient + ".x, " + gradient +
                      ".y or " + gradient + ".z for one of its components");
    }
    ++at_;
    skip_blanks();
    const std::size_t end = name_end(at_);
    if (end != at_ + 1 || (text_[at_] != 'x' && text_[at_] != 'y' && text_[at_] != 'z')) {
      fail({at_, std::max(end, at_ + 1)},
           "the components of " + quoted(gradient) + " are .x, .y and .z");
    }
    whole.end = end;
    at_ = end;
    return text_[end - 1];
  }

  [[noreturn]] void fail_unknown_call(const std::string& key, Span span) const {
    constexpr std::size_t most = 40;
    std::vector<std::string> names;
    for (const std::string& variable : symbols_.variables) {
      if (variable.find('(') != std::string::npos) names.push_back(variable);
    }
    if (names.empty()) {
      fail(span, "there is no unknown here whose derivative " + quoted(key) + " could be");
    }
    std::string message = "there is no " + quoted(key) + " here; ";
    if (const auto near = base::nearest(key, names))
      message += "did you mean " + quoted(*near) + "? There is ";
    else
      message += "there is ";
    if (names.size() > most) {
      const std::size_t more = names.size() - most;
      names.resize(most);
      names.push_back(base::count_text(static_cast<std::int64_t>(more)) + " more");
    }
    fail(span, message + base::list(names));
  }

  void open_call(std::string_view name, Span span) {
    if (read_call_variable(name, span)) return;
    const detail::Function* function = knows_frozen_ && name == detail::frozen_function().name
                                           ? &detail::frozen_function()
                                           : detail::find_function(name);
    if (function == nullptr) fail_unknown_function(name, span);
    Pending call{Pending::Kind::call, Level::open, function->op, span};
    call.function = function;
    call.first_argument = operands_.size();
    call.open = at_;
    pending_.push_back(call);
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == ')') refuse_argument_count(call, 0);
  }

  int value_of_name(std::string_view name, Span span) {
    const std::string key(name);
    if (const auto found = variables_.find(key); found != variables_.end()) {
      return builder_.variable(found->second);
    }
    if (const auto found = parameters_.find(key); found != parameters_.end()) {
      if (!std::isfinite(found->second)) {
        fail(span, "the parameter " + quoted(name) + " is " + base::number_text(found->second) +
                       ": only finite values can be used");
      }
      return builder_.constant(found->second);
    }
    if (name == "true" || name == "false") return builder_.boolean(name == "true");
    for (const detail::Constant& constant : detail::constants()) {
      if (constant.name == name) return builder_.constant(constant.value);
    }
    fail_unknown_name(name, span);
  }

  [[nodiscard]] std::vector<std::string> known_names() const {
    std::vector<std::string> names = symbols_.variables;
    for (const auto& parameter : symbols_.parameters) names.push_back(parameter.first);
    for (const detail::Constant& constant : detail::constants()) names.emplace_back(constant.name);
    return names;
  }

  [[nodiscard]] static std::string list_start(const std::string& message, std::string_view what) {
    return (message.back() == '?' ? " All " : "; all ") + std::string(what);
  }

  [[noreturn]] void fail_unknown_name(std::string_view name, Span span) const {
    if (const detail::Function* function = detail::find_function(name)) {
      fail(span, quoted(name) + " is a function and needs its arguments in parentheses: " +
                     std::string(function->signature));
    }
    if (detail::is_derivative_word(name)) {
      fail(span, quoted(name) + " is a derivative and needs an unknown in parentheses: " +
                     std::string(name) + "(u)" + (name == "grad" ? ".x" : ""));
    }
    constexpr std::size_t most = 40;
    std::vector<std::string> names = known_names();
    std::string message = "unknown name " + shown(span);
    if (const auto near = base::nearest(name, names)) {
      message += "; did you mean " + quoted(*near) + "?";
    } else if (!detail::foreign_name_advice(name).empty()) {
      message += "; write " + std::string(detail::foreign_name_advice(name));
    } else if (const auto function = base::nearest(name, function_names())) {
      message += "; did you mean the function " +
                 std::string(detail::find_function(*function)->signature) + "?";
    }
    if (names.size() > most) {
      const std::size_t more = names.size() - most;
      names.resize(most);
      names.push_back(base::count_text(static_cast<std::int64_t>(more)) + " more");
    }
    fail(span, message + list_start(message, "known names: ") + base::list(names));
  }

  [[noreturn]] void fail_unknown_function(std::string_view name, Span span) const {
    const std::vector<std::string> names = known_names();
    const std::string key(name);
    if (name == "true" || name == "false" ||
        std::find(names.begin(), names.end(), key) != names.end()) {
      fail(span, quoted(name) + " is a value, not a function; for a product write " +
                     std::string(name) + "*(...)");
    }
    std::string message = "unknown function " + shown(span);
    if (const std::string_view advice = detail::foreign_name_advice(name); !advice.empty()) {
      message += "; write " + std::string(advice);
    } else if (const auto near = base::nearest(name, function_names())) {
      message += "; did you mean " + std::string(detail::find_function(*near)->signature) + "?";
    }
    fail(span, message + list_start(message, "functions: ") + base::list(function_names()));
  }

  // ---- operators ------------------------------------------------------------------------------

  void read_operator() {
    const char c = text_[at_];
    if (c == ')') {
      close_parenthesis();
      return;
    }
    if (c == ',') {
      next_argument();
      return;
    }
    for (const auto& [sign, advice] : foreign_signs) {
      // "<>" and "**" start like signs of ours.
      if (sign.size() > 1 && starts_with(sign)) fail_foreign(sign, advice);
    }
    for (const Infix& infix : infix_signs) {
      if (!starts_with(infix.sign)) continue;
      const Span span{at_, at_ + infix.sign.size()};
      if (detail::is_letter(c) && name_end(at_) != span.end) continue;  // "order" is not "or"
      push_infix(infix, span);
      return;
    }
    if (number_starts() || detail::is_letter(c) || c == '(') fail_missing_operator();
    fail_character();
  }

  void push_infix(const Infix& infix, Span span) {
    // '^' groups to the right: an equal one waits. All others group to the left.
    const bool rightward = infix.op == Op::power;
    while (!pending_.empty() && pending_.back().level != Level::open) {
      const Level last = pending_.back().level;
      if (last < infix.level || (rightward && last == infix.level)) break;
      if (last == Level::comparison && infix.level == Level::comparison) {
        fail(span, "comparisons cannot be chained: join two with 'and', as in a < b and b < c");
      }
      reduce_top();
    }
    Pending operation{Pending::Kind::infix, infix.level, infix.op, span};
    pending_.push_back(operation);
    at_ = span.end;
    wants_operand_ = true;
    at_argument_start_ = false;
  }

  void close_parenthesis() {
    reduce_while(Level::logical_or);
    if (pending_.empty()) fail({at_, at_ + 1}, "this ')' closes nothing: a '(' is missing before");
    const Pending open = pending_.back();
    ++at_;
    if (open.kind == Pending::Kind::parenthesis) {
      pending_.pop_back();
      operands_.back().span = {open.span.begin, at_};
      return;
    }
    finish_call(open);
  }

  void next_argument() {
    reduce_while(Level::logical_or);
    if (pending_.empty() || pending_.back().kind != Pending::Kind::call) {
      fail({at_, at_ + 1},
           "a ',' separates the arguments of a function; the decimal sign of a number is '.'");
    }
    const Pending& call = pending_.back();
    const int most = call.function->max_arguments;
    const std::size_t n_arguments = operands_.size() - call.first_argument;
    if (most >= 0 && n_arguments >= static_cast<std::size_t>(most)) {
      fail({at_, at_ + 1}, argument_count_text(*call.function) + "; this ',' starts one too many");
    }
    ++at_;
    wants_operand_ = true;
    at_argument_start_ = true;
  }

  [[nodiscard]] static std::string argument_count_text(const detail::Function& function) {
    const std::string least = std::to_string(function.min_arguments);
    const std::string plural = function.min_arguments == 1 ? " argument" : " arguments";
    return quoted(function.name) + " takes " + least +
           (function.max_arguments < 0 ? " or more" : "") + plural + ": " +
           std::string(function.signature);
  }

  [[noreturn]] void refuse_argument_count(const Pending& call, std::size_t got) const {
    fail(call.span, argument_count_text(*call.function) + "; got " + std::to_string(got));
  }

  [[noreturn]] void fail_missing_operator() const {
    const Operand& left = operands_.back();
    const std::size_t begin = at_;
    std::size_t end = begin + 1;
    if (detail::is_letter(text_[begin])) {
      end = name_end(begin);
    } else if (text_[begin] != '(') {
      while (end < text_.size() && (detail::is_digit(text_[end]) || text_[end] == '.')) ++end;
    }
    fail({begin, end}, "an operator is missing between " + shown(left.span) + " and " +
                           shown({begin, end}) + "; for a product write '*'");
  }

  [[noreturn]] void fail_foreign(std::string_view sign, std::string_view advice) const {
    fail({at_, at_ + sign.size()},
         quoted(sign) + " is not a sign of the expression language: write " + std::string(advice));
  }

  [[noreturn]] void fail_character() const {
    for (const auto& [sign, advice] : foreign_signs) {
      if (starts_with(sign)) fail_foreign(sign, advice);
    }
    const detail::CodePoint point = detail::decode(text_, at_);
    const Span span{at_, at_ + point.length};
    if (point.valid && point.value > 0x20 && point.value < 0x7f) {
      fail(span, "the character " + quoted(slice(span)) + " has no meaning in an expression");
    }
    char digits[8];
    const char* const end = std::to_chars(digits, digits + sizeof digits, point.value, 16).ptr;
    std::string code(digits, static_cast<std::size_t>(end - digits));
    for (char& c : code) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    if (!point.valid) {
      fail(span, "the byte 0x" + code + " is not part of valid UTF-8 text");
    }
    code.insert(0, code.size() < 4 ? 4 - code.size() : 0, '0');
    fail(span, "the character U+" + code + " has no meaning in an expression");
  }

  // ---- reductions -----------------------------------------------------------------------------

  /// Applies waiting operators that bind at least as tightly as `level`.
  void reduce_while(Level level) {
    while (!pending_.empty() && pending_.back().level >= level) reduce_top();
  }

  void reduce_top() {
    const Pending operation = pending_.back();
    pending_.pop_back();
    const bool logical = operation.level <= Level::logical_not;
    const Type wanted = logical ? Type::boolean : Type::real;
    if (operation.kind == Pending::Kind::prefix) {
      Operand& operand = operands_.back();
      require(operand, wanted, slice(operation.span));
      operand.span.begin = operation.span.begin;
      if (operation.op != Op::add) operand.node = builder_.make(operation.op, operand.node);
      remember(operand.span);
      return;
    }
    const Operand right = operands_.back();
    operands_.pop_back();
    Operand& left = operands_.back();
    require(left, wanted, slice(operation.span));
    require(right, wanted, slice(operation.span));
    const bool exchanged = text_[operation.span.begin] == '>';
    left.node = exchanged ? builder_.make(operation.op, right.node, left.node)
                          : builder_.make(operation.op, left.node, right.node);
    left.span.end = right.span.end;
    remember(left.span);
  }

  void finish_call(const Pending& call) {
    const std::size_t n_arguments = operands_.size() - call.first_argument;
    if (n_arguments < static_cast<std::size_t>(call.function->min_arguments)) {
      refuse_argument_count(call, n_arguments);
    }
    const Operand* arguments = operands_.data() + call.first_argument;
    const Span span{call.span.begin, at_};
    int node = -1;
    if (call.op == Op::select) {
      require(arguments[0], Type::boolean, "if", "the first argument of");
      const Type type = builder_.type(arguments[1].node);
      if (builder_.type(arguments[2].node) != type) {
        fail(arguments[2].span, "'if' gives a " + std::string(type_name(type)) + " in one case (" +
                                    shown(arguments[1].span) + ") and a " +
                                    std::string(type_name(builder_.type(arguments[2].node))) +
                                    " in the other (" + shown(arguments[2].span) + ")");
      }
      node = builder_.make(Op::select, arguments[0].node, arguments[1].node, arguments[2].node);
    } else {
      for (std::size_t i = 0; i < n_arguments; ++i) {
        require(arguments[i], Type::real, call.function->name);
      }
      node = arguments[0].node;
      if (n_arguments == 1) node = builder_.make(call.op, node);
      for (std::size_t i = 1; i < n_arguments; ++i) {
        node = builder_.make(call.op, node, arguments[i].node);
      }
    }
    operands_.resize(call.first_argument);
    operands_.push_back({node, span});
    remember(span);
    pending_.pop_back();
  }

  void require(const Operand& operand, Type wanted, std::string_view by,
               std::string_view place = {}) const {
    const Type type = builder_.type(operand.node);
    if (type == wanted) return;
    const std::string subject = place.empty() ? quoted(by) : std::string(place) + " " + quoted(by);
    std::string message = subject + " needs a " + std::string(type_name(wanted)) + ", and " +
                          shown(operand.span) + " is a " + std::string(type_name(type));
    message += wanted == Type::boolean ? "; compare it with something, as in u > 0"
                                       : "; if(condition, 1, 0) makes a number of it";
    fail(operand.span, std::move(message));
  }

  // ---- constants without a value --------------------------------------------------------------

  /// Nodes made since the last call came from `span`; the first place is kept.
  void remember(Span span) {
    const auto size = static_cast<std::size_t>(builder_.size());
    if (places_.size() < size) places_.resize(size, span);
  }

  void refuse_infinite_constants(int root) const {
    const std::vector<char> needed = builder_.needed_by({root});
    for (int i = 0; i < builder_.size(); ++i) {
      const detail::Node& node = builder_.node(i);
      const int n = detail::n_operands(node.op);
      if (!needed[static_cast<std::size_t>(i)] || n == 0) continue;
      const auto value = [&](int index) { return builder_.node(index).value; };
      const bool constant = builder_.is_constant(node.a) &&
                            (n < 2 || builder_.is_constant(node.b)) &&
                            (n < 3 || builder_.is_constant(node.c));
      if (!constant) continue;
      const double result = detail::apply(node.op, node.b, value(node.a),
                                          n > 1 ? value(node.b) : 0.0, n > 2 ? value(node.c) : 0.0);
      const Span span = places_[static_cast<std::size_t>(i)];
      fail(span, shown(span) + " has no finite value (it is " + base::number_text(result) + ")");
    }
  }

  std::string_view text_;
  const Symbols& symbols_;
  bool knows_frozen_;
  std::unordered_map<std::string, int> variables_;
  std::unordered_map<std::string, double> parameters_;
  std::unordered_set<std::string> call_heads_;  ///< "dx" of the variable "dx(u)"
  detail::Builder builder_;
  std::vector<Operand> operands_;
  std::vector<Pending> pending_;
  std::vector<Span> places_;  ///< of each node of builder_
  std::size_t at_ = 0;
  bool wants_operand_ = true;
  bool at_argument_start_ = false;  ///< the last thing read was a ','
};

}  // namespace

std::string_view type_name(Type type) {
  return type == Type::real ? "number" : "condition";
}

Expression Expression::parse(std::string_view text, const Symbols& symbols) {
  const detail::QuietArithmetic quiet;
  return Parser(text, symbols, false).parse();
}

Expression parse_with_frozen(std::string_view text, const Symbols& symbols) {
  const detail::QuietArithmetic quiet;
  return Parser(text, symbols, true).parse();
}

}  // namespace ritz::expr
