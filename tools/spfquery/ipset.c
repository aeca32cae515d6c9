/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/ipset.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/text.h"
#include "tools/spfquery/spfquery.h"

/* --- numbers --- */

int
ip_number_cmp(struct ip_number a, struct ip_number b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static struct ip_number
lesser(struct ip_number a, struct ip_number b)
{
	return ip_number_cmp(a, b) < 0 ? a : b;
}

static struct ip_number
greater(struct ip_number a, struct ip_number b)
{
	return ip_number_cmp(a, b) > 0 ? a : b;
}

static struct ip_number
plus(struct ip_number a, struct ip_number b)
{
	struct ip_number sum = {a.high + b.high, a.low + b.low};

	sum.high += sum.low < a.low;
	return sum;
}

static struct ip_number
minus(struct ip_number a, struct ip_number b)
{
	return (struct ip_number){
	    a.high - b.high - (a.low < b.low), a.low - b.low};
}

static const struct ip_number one = {0, 1};

/* The number whose last bits, 0 to 128, are set. */
static struct ip_number
ones(unsigned bits)
{
	if (bits >= 64)
		return (struct ip_number){
		    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		    bits == 64 ? 0 : UINT64_MAX >> (128 - bits), UINT64_MAX};
	return (struct ip_number){0, bits == 0 ? 0 : UINT64_MAX >> (64 - bits)};
}

static unsigned
width(bool v6)
{
	return v6 ? 128 : 32;
}

static struct ip_number
number_of(const struct spf_ip *ip)
{
	struct ip_number n = {0, 0};
	size_t size = ip->v6 ? 16 : 4;

	for (size_t i = 0; i < size; i++) {
		n.high = n.high << 8 | n.low >> 56;
		n.low = n.low << 8 | ip->octets[i];
	}
	return n;
}

static struct spf_ip
address_of(struct ip_number n, bool v6)
{
	struct spf_ip ip = {.v6 = v6};
	size_t size = v6 ? 16 : 4;

	for (size_t i = size; i-- > 0;) {
		ip.octets[i] = (uint8_t)n.low;
		n.low = n.low >> 8 | n.high << 56;
		n.high >>= 8;
	}
	return ip;
}

/* --- networks --- */

struct ip_net
ip_net(const struct spf_ip *ip, unsigned bits)
{
	struct ip_number mask = ones(width(ip->v6) - bits);
	struct ip_number n = number_of(ip);

	n.high &= ~mask.high;
	n.low &= ~mask.low;
	return (struct ip_net){address_of(n, ip->v6), bits};
}

struct ip_range
ip_net_range(const struct ip_net *net)
{
	struct ip_number first = number_of(&net->ip);

	return (struct ip_range){
	    first, plus(first, ones(width(net->ip.v6) - net->bits))};
}

bool
ip_net_parse(struct mf_text text, struct ip_net *out)
{
	size_t slash = text_find(text, '/');
	struct mf_text address = text_head(text, slash);
	bool mapped = text_find(address, ':') != address.len;
	struct spf_ip ip;
	uint64_t bits;

	if (!spf_ip_parse(address, &ip))
		return false;
	mapped = mapped && !ip.v6;
	bits = width(ip.v6 || mapped);
	if (slash != text.len &&
	    !text_uint(text_from(text, slash + 1), bits, &bits))
		return false;
	if (mapped && bits < 96)
		return false; /* it is in part IPv4's only */
	*out = ip_net(&ip, (unsigned)bits - (mapped ? 96 : 0));
	return true;
}

size_t
ip_net_print(const struct ip_net *net, char out[static IP_NET_SIZE])
{
	struct text_out o = text_out(out, IP_NET_SIZE - 1);

	o.len = spf_ip_print(&net->ip, out);
	if (net->bits != width(net->ip.v6)) {
		out_char(&o, '/');
		out_uint(&o, net->bits);
	}
	out[o.len] = '\0';
	return o.len;
}

/* --- ranges --- */

struct ipset
ipset_empty(bool v6)
{
	return (struct ipset){.v6 = v6};
}

void
ipset_clear(struct ipset *set)
{
	free(set->ranges);
	*set = ipset_empty(set->v6);
}

/* A last range is needed: where it goes. */
static struct ip_range *
grow(struct ipset *set)
{
	set->ranges = spfquery_must(array_grow(
	    set->ranges, set->count, &set->room, sizeof(*set->ranges)));
	return &set->ranges[set->count++];
}

/* True if r begins after the address that follows last. */
static bool
is_apart(const struct ip_range *r, struct ip_number last)
{
	return ip_number_cmp(r->first, last) > 0 &&
	    ip_number_cmp(minus(r->first, one), last) > 0;
}

/* Append r, which begins no earlier than any that is there. */
static void
append(struct ipset *set, const struct ip_range *r)
{
	struct ip_range *last =
	    set->count != 0 ? &set->ranges[set->count - 1] : NULL;

	if (last == NULL || is_apart(r, last->last))
		*grow(set) = *r;
	else
		last->last = greater(last->last, r->last);
}

/* How many ranges end before n: the index of the one that may have it. */
static size_t
find(const struct ipset *set, struct ip_number n)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_number_cmp(set->ranges[middle].last, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ipset
ipset_range(bool v6, struct ip_number first, struct ip_number last)
{
	struct ipset set = ipset_empty(v6);

	*grow(&set) = (struct ip_range){first, last};
	return set;
}

struct ipset
ipset_all(bool v6)
{
	return ipset_range(v6, (struct ip_number){0, 0}, ones(width(v6)));
}

void
ipset_add(struct ipset *set, const struct ip_net *net)
{
	struct ip_range r = ip_net_range(net);
	struct ip_number zero = {0, 0};
	/* The first that r overlaps or adjoins, and the first that it doesn't. */
	size_t at = find(set,
	    ip_number_cmp(r.first, zero) == 0 ? zero : minus(r.first, one));
	size_t end = at;

	for (; end < set->count && !is_apart(&set->ranges[end], r.last);
	     end++) {
		r.first = lesser(r.first, set->ranges[end].first);
		r.last = greater(r.last, set->ranges[end].last);
	}
	if (end == at) {
		grow(set);
		memmove(set->ranges + at + 1, set->ranges + at,
		    (set->count - 1 - at) * sizeof(r));
	} else {
		memmove(set->ranges + at + 1, set->ranges + end,
		    (set->count - end) * sizeof(r));
		set->count -= end - at - 1;
	}
	set->ranges[at] = r;
}

/* --- algebra --- */

struct ipset
ipset_union(const struct ipset *a, const struct ipset *b)
{
	struct ipset out = ipset_empty(a->v6);
	size_t i = 0, j = 0;

	while (i < a->count || j < b->count) {
		bool first = j == b->count ||
		    (i < a->count &&
			ip_number_cmp(a->ranges[i].first, b->ranges[j].first) <=
			    0);

		append(&out, first ? &a->ranges[i++] : &b->ranges[j++]);
	}
	return out;
}

struct ipset
ipset_copy(const struct ipset *set)
{
	struct ipset none = ipset_empty(set->v6);

	return ipset_union(set, &none);
}

struct ipset
ipset_both(const struct ipset *a, const struct ipset *b)
{
	struct ipset out = ipset_empty(a->v6);

	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		const struct ip_range *x = &a->ranges[i], *y = &b->ranges[j];
		struct ip_range r = {
		    greater(x->first, y->first), lesser(x->last, y->last)};

		if (ip_number_cmp(r.first, r.last) <= 0)
			append(&out, &r);
		if (ip_number_cmp(x->last, y->last) < 0)
			i++;
		else
			j++;
	}
	return out;
}

/* What isn't in set. */
static struct ipset
complement(const struct ipset *set)
{
	struct ipset out = ipset_empty(set->v6);
	struct ip_number end = ones(width(set->v6)), next = {0, 0};

	for (size_t i = 0; i < set->count; i++) {
		const struct ip_range *r = &set->ranges[i];

		if (ip_number_cmp(r->first, next) > 0)
			*grow(&out) =
			    (struct ip_range){next, minus(r->first, one)};
		if (ip_number_cmp(r->last, end) == 0)
			return out;
		next = plus(r->last, one);
	}
	*grow(&out) = (struct ip_range){next, end};
	return out;
}

struct ipset
ipset_minus(const struct ipset *a, const struct ipset *b)
{
	struct ipset others = complement(b);
	struct ipset out = ipset_both(a, &others);

	ipset_clear(&others);
	return out;
}

void
ipset_take(struct ipset *set, struct ipset result)
{
	ipset_clear(set);
	*set = result;
}

void
ipset_add_set(struct ipset *set, const struct ipset *other)
{
	if (other->count != 0)
		ipset_take(set, ipset_union(set, other));
}

void
ipset_remove_set(struct ipset *set, const struct ipset *other)
{
	if (other->count != 0)
		ipset_take(set, ipset_minus(set, other));
}

/* --- questions --- */

bool
ipset_is_empty(const struct ipset *set)
{
	return set->count == 0;
}

bool
ipset_equal(const struct ipset *a, const struct ipset *b)
{
	return a->v6 == b->v6 && a->count == b->count &&
	    (a->count == 0 ||
		memcmp(a->ranges, b->ranges, a->count * sizeof(*a->ranges)) ==
		    0);
}

bool
ipset_is_all(const struct ipset *set)
{
	const struct ip_number zero = {0, 0};

	return set->count == 1 &&
	    ip_number_cmp(set->ranges[0].first, zero) == 0 &&
	    ip_number_cmp(set->ranges[0].last, ones(width(set->v6))) == 0;
}

bool
ipset_has_net(const struct ipset *set, const struct ip_net *net)
{
	struct ip_range r = ip_net_range(net);
	size_t at = find(set, r.first);

	return set->v6 == net->ip.v6 && at < set->count &&
	    ip_number_cmp(set->ranges[at].first, r.first) <= 0 &&
	    ip_number_cmp(set->ranges[at].last, r.last) >= 0;
}

bool
ipset_has(const struct ipset *set, const struct spf_ip *ip)
{
	struct ip_net net = {*ip, width(ip->v6)};

	return ipset_has_net(set, &net);
}

/* n / 10; the digit that is left goes to *digit.  By halves of 32 bits. */
static struct ip_number
tenth(struct ip_number n, unsigned *digit)
{
	const uint64_t half = UINT32_MAX;
	uint64_t words[] = {
	    n.high >> 32, n.high & half, n.low >> 32, n.low & half};
	uint64_t rest = 0;

	for (size_t i = 0; i < 4; i++) {
		uint64_t part = rest << 32 | words[i];

		words[i] = part / 10;
		rest = part % 10;
	}
	*digit = (unsigned)rest;
	return (struct ip_number){
	    words[0] << 32 | words[1], words[2] << 32 | words[3]};
}

size_t
ipset_count_print(const struct ipset *set, char out[static IPSET_COUNT_SIZE])
{
	struct ip_number n = {0, 0};
	char digits[IPSET_COUNT_SIZE];
	size_t at = sizeof(digits), len;
	unsigned digit;

	/* The one that doesn't fit in a number. */
	if (set->v6 && ipset_is_all(set)) {
		memcpy(out, "340282366920938463463374607431768211456", 40);
		return 39;
	}
	for (size_t i = 0; i < set->count; i++)
		n = plus(n,
		    plus(
			minus(set->ranges[i].last, set->ranges[i].first), one));
	do {
		n = tenth(n, &digit);
		digits[--at] = (char)('0' + digit);
	} while (n.high != 0 || n.low != 0);
	len = sizeof(digits) - at;
	memcpy(out, digits + at, len);
	out[len] = '\0';
	return len;
}

/* Zeros at the end of n, at most max. */
static unsigned
zeros(struct ip_number n, unsigned max)
{
	unsigned count = 0;

	while (count < max && (n.low & 1) == 0) {
		n.low = n.low >> 1 | n.high << 63;
		n.high >>= 1;
		count++;
	}
	return count;
}

bool
ipset_next(const struct ipset *set, struct ipset_walk *w, struct ip_net *out)
{
	const struct ip_range *r;
	struct ip_number last;
	unsigned host;

	if (w->at == set->count)
		return false;
	r = &set->ranges[w->at];
	if (!w->inside)
		w->next = r->first;
	host = zeros(w->next, width(set->v6));
	/* Down to what is left of the range; "- next" can't overflow. */
	while (ip_number_cmp(ones(host), minus(r->last, w->next)) > 0)
		host--;
	last = plus(w->next, ones(host));
	*out = (struct ip_net){
	    address_of(w->next, set->v6), width(set->v6) - host};
	w->inside = ip_number_cmp(last, r->last) != 0;
	if (w->inside)
		w->next = plus(last, one);
	else
		w->at++;
	return true;
}

size_t
ipset_nets(const struct ipset *set)
{
	struct ipset_walk walk = {0};
	struct ip_net net;
	size_t count = 0;

	while (ipset_next(set, &walk, &net))
		count++;
	return count;
}
