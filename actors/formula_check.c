/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "actors/formula.h"

/* A reader of tokens that never guesses towards "harmless": where it and the JavaScript compiler
 * could disagree about what is text and what is code, the expression is refused.
 *   accepted: "val > 0 ? 'on' : 'off'", "({0: 'a', 1: 'b'})[val]", "JSON.parse(val).t / 10;"
 *   refused:  "while (1);", "x = 1", "(function () {})()", "({get a() {}})", "/(a+)+$/.test(val)"
 */
typedef struct {
    const char *p, *end;
    const char *start;
    char open[FORMULA_MAX_DEPTH]; /* brackets that are open */
    int depth;
    bool operand; /* what was read last ends an operand: a slash now divides */
    char last;    /* last character of the token before, 0 at the start */
    buf_t *why;
} lexer_t;

static const char *const refused_words[] = {
    "arguments", "async",    "await",  "break",  "case", "catch",  "class",  "const",   "continue",
    "debugger",  "default",  "delete", "do",     "else", "eval",   "export", "extends", "finally",
    "for",       "function", "if",     "import", "let",  "return", "super",  "switch",  "this",
    "throw",     "try",      "var",    "while",  "with", "yield",  NULL};

static const char *const operator_words[] = {"in", "instanceof", "new", "typeof", "void", NULL};

/* Longest first. There is no assignment among them: "x += 1" fails at the sign of equality. */
static const char *const operators[] = {
    "===", "!==", ">>>", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "**", "+", "-",
    "*",   "%",   "!",   "<",  ">",  "&",  "|",  "^",  "~",  "?",  ":",  ",",  ".", NULL};

static bool refuse(lexer_t *self, const char *what)
{
    buf_printf(self->why, "%s at character %zu", what, (size_t)(self->p - self->start) + 1);
    return false;
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool listed(const char *const *list, str_t word)
{
    for (; *list; list++) {
        if (str_is(word, *list))
            return true;
    }
    return false;
}

static void advance(lexer_t *self, size_t len, bool operand)
{
    self->p += len;
    self->last = self->p[-1];
    self->operand = operand;
}

static bool take_string(lexer_t *self)
{
    char quote = *self->p;
    const char *p = self->p + 1;
    while (p < self->end && *p != quote) {
        if (*p == '\n' || *p == '\r')
            return refuse(self, "line end in a text");
        p += *p == '\\' ? 2 : 1;
    }
    if (p >= self->end)
        return refuse(self, "text without end");
    advance(self, (size_t)(p + 1 - self->p), true);
    return true;
}

/* A regular expression whose matching costs linear time: single characters and classes one after
 * the other, alternatives, and one repetition at the very end, where it cannot be taken back. */
static bool take_regex(lexer_t *self)
{
    const char *p = self->p + 1;
    bool in_class = false;
    while (p < self->end && (*p != '/' || in_class)) {
        if (*p == '\n' || *p == '\r')
            return refuse(self, "line end in a regular expression");
        bool at_end = p + 1 < self->end && p[1] == '/';
        if (*p == '[')
            in_class = true;
        else if (*p == ']')
            in_class = false;
        else if (!in_class && (strchr("(){}", *p) || (strchr("*+?", *p) && !at_end)))
            return refuse(self, "groups and inner repetitions are not allowed in a regular "
                                "expression");
        p += *p == '\\' ? 2 : 1;
    }
    if (p >= self->end)
        return refuse(self, "regular expression without end");
    for (p++; p < self->end && is_word_start(*p); p++)
        ;
    advance(self, (size_t)(p - self->p), true);
    return true;
}

static bool take_word(lexer_t *self)
{
    const char *p = self->p;
    while (p < self->end && (is_word_start(*p) || is_digit(*p)))
        p++;
    str_t word = {self->p, (size_t)(p - self->p)};
    bool is_property = self->last == '.';
    if (!is_property && listed(refused_words, word))
        return refuse(self, "statements and functions are not allowed");
    advance(self, word.len, is_property || !listed(operator_words, word));
    return true;
}

static bool take_number(lexer_t *self)
{
    const char *p = self->p;
    while (p < self->end && (is_word_start(*p) || is_digit(*p) || *p == '.'))
        p++;
    advance(self, (size_t)(p - self->p), true);
    self->last = '0'; /* "1." does not make a property of what follows */
    return true;
}

static bool take_bracket(lexer_t *self)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char c = *self->p;
    if (strchr(opening, c)) {
        if (c == '{' && self->last == ')')
            return refuse(self, "functions are not allowed");
        if (self->depth == FORMULA_MAX_DEPTH)
            return refuse(self, "too many nested brackets");
        self->open[self->depth++] = c;
        advance(self, 1, false);
        return true;
    }
    if (self->depth == 0 || self->open[self->depth - 1] != opening[strchr(closing, c) - closing])
        return refuse(self, "bracket without its counterpart");
    self->depth--;
    advance(self, 1, true);
    return true;
}

static bool take_operator(lexer_t *self)
{
    size_t left = (size_t)(self->end - self->p);
    if (left >= 2 && (*self->p == '+' || *self->p == '-') && self->p[1] == *self->p)
        return refuse(self, "assignments are not allowed");
    for (size_t i = 0; operators[i]; i++) {
        size_t len = strlen(operators[i]);
        if (len <= left && memcmp(self->p, operators[i], len) == 0) {
            advance(self, len, false);
            return true;
        }
    }
    return refuse(self, *self->p == '=' ? "assignments are not allowed" : "character not allowed");
}

/* Blanks and comments; leaves p where the next token starts. */
static bool skip_blanks(lexer_t *self)
{
    while (self->p < self->end) {
        size_t left = (size_t)(self->end - self->p);
        if (is_blank(*self->p)) {
            self->p++;
        } else if (left >= 2 && self->p[0] == '/' && self->p[1] == '/') {
            while (self->p < self->end && *self->p != '\n' && *self->p != '\r')
                self->p++;
        } else if (left >= 2 && self->p[0] == '/' && self->p[1] == '*') {
            const char *close = memmem(self->p + 2, left - 2, "*/", 2);
            if (!close)
                return refuse(self, "comment without end");
            self->p = close + 2;
        } else {
            break;
        }
    }
    return true;
}

static bool take_token(lexer_t *self)
{
    char c = *self->p;
    char next = self->p + 1 < self->end ? self->p[1] : 0;
    if (is_word_start(c))
        return take_word(self);
    if (is_digit(c) || (c == '.' && is_digit(next)))
        return take_number(self);
    if (c == '.' && next == '.')
        return refuse(self, "character not allowed");
    if (c == '"' || c == '\'')
        return take_string(self);
    if (c == '/' && !self->operand)
        return take_regex(self);
    if (c == '/') {
        advance(self, 1, false);
        return true;
    }
    if (strchr("()[]{}", c))
        return take_bracket(self);
    return take_operator(self);
}

/* Only semicolons, blanks and comments may follow. */
static bool only_semicolons(lexer_t *self)
{
    while (self->p < self->end && *self->p == ';') {
        self->p++;
        if (!skip_blanks(self))
            return false;
    }
    return self->p == self->end || refuse(self, "one expression only");
}

bool formula_check(str_t text, size_t *len, buf_t *why)
{
    lexer_t lexer = {.p = text.p, .end = text.p + text.len, .start = text.p, .why = why};
    if (text.len > FORMULA_MAX_SOURCE) {
        buf_printf(why, "longer than %d bytes", FORMULA_MAX_SOURCE);
        return false;
    }
    /* JavaScript takes U+2028 and U+2029 for line ends, also in comments; NUL would end C texts. */
    if (memchr(text.p, 0, text.len) || memmem(text.p, text.len, "\xe2\x80\xa8", 3) ||
        memmem(text.p, text.len, "\xe2\x80\xa9", 3))
        return refuse(&lexer, "character not allowed");
    const char *last = text.p;
    while (skip_blanks(&lexer)) {
        if (lexer.p == lexer.end || *lexer.p == ';') {
            *len = (size_t)(last - text.p);
            if (lexer.depth > 0 || *len == 0)
                return refuse(&lexer, lexer.depth ? "bracket without its counterpart" : "empty");
            return only_semicolons(&lexer);
        }
        if (!take_token(&lexer))
            return false;
        last = lexer.p;
    }
    return false;
}
