# SPDX-License-Identifier: ISC
# mailfrom: SRS, SES and SPF for mail servers.  `make help` lists the targets.

VERSION = 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/mailfrom
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc

BUILD ?= build
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
WERROR ?=

WARN = -Wall -Wextra -Wshadow -Wvla -Wconversion -Wswitch-enum \
       -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 $(WERROR)

CRYPTO_LIBS   = $(shell pkg-config --libs libcrypto)
LIBEVENT_LIBS = $(shell pkg-config --libs libevent_core)
CMOCKA_LIBS   = $(shell pkg-config --libs cmocka)
DEP_CFLAGS    = $(shell pkg-config --cflags libcrypto libevent_core)

COMPILE = $(CC) -std=c11 -D_DEFAULT_SOURCE -I. -pthread -MMD -MP $(WARN) \
          -DMAILFROM_VERSION='"$(VERSION)"' \
          -DMAILFROM_SYSCONFDIR='"$(SYSCONFDIR)"' \
          $(DEP_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK    = $(CC) -pthread $(CFLAGS) $(LDFLAGS)

# --- what there is ---------------------------------------------------------

LIBSRS  = key mailbox ses srs status
COMMON  = conf file ini listen log log_conf notify privilege report sockaddr
REWRITE = legacy lists policy rewriter secrets settings
SRSD    = config conn main maps protocol server shapes worker
SRS     = srs srs_batch srs_explain

LIBSRS_OBJS  = $(LIBSRS:%=$(BUILD)/obj/libsrs/%.o)
COMMON_OBJS  = $(COMMON:%=$(BUILD)/obj/common/%.o)
REWRITE_OBJS = $(REWRITE:%=$(BUILD)/obj/rewrite/%.o)
SRSD_OBJS    = $(SRSD:%=$(BUILD)/obj/srsd/%.o)
SRS_OBJS     = $(SRS:%=$(BUILD)/obj/tools/%.o)

LIBSRS_A = $(BUILD)/libsrs.a
COMMON_A = $(BUILD)/common.a
REWRITE_A = $(BUILD)/rewrite.a
PROGRAMS = $(BUILD)/srs $(BUILD)/srsd

UNIT_TESTS = libsrs conformance
FUZZERS    =

MANPAGES =

.PHONY: all check bench lint asan tsan fuzz quickstart soak install uninstall \
	dist clean help unit tests
all: $(PROGRAMS)

# --- libraries and programs --------------------------------------------------

$(LIBSRS_A): $(LIBSRS_OBJS)
	rm -f $@ && $(AR) rcs $@ $(LIBSRS_OBJS)

$(COMMON_A): $(COMMON_OBJS)
	rm -f $@ && $(AR) rcs $@ $(COMMON_OBJS)

$(REWRITE_A): $(REWRITE_OBJS)
	rm -f $@ && $(AR) rcs $@ $(REWRITE_OBJS)

$(BUILD)/srs: $(SRS_OBJS) $(REWRITE_A) $(COMMON_A) $(LIBSRS_A)
	$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(LDLIBS)

$(BUILD)/srsd: $(SRSD_OBJS) $(REWRITE_A) $(COMMON_A) $(LIBSRS_A)
	$(LINK) -o $@ $^ $(LIBEVENT_LIBS) $(CRYPTO_LIBS) $(LDLIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# --- tests -------------------------------------------------------------------

UNIT_BINS = $(UNIT_TESTS:%=$(BUILD)/tests/unit/%)
unit: $(UNIT_BINS)

$(BUILD)/tests/unit/libsrs: $(BUILD)/obj/tests/unit/libsrs.o $(LIBSRS_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(LDLIBS)
$(BUILD)/tests/unit/conformance: $(BUILD)/obj/tests/unit/conformance.o $(LIBSRS_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(LDLIBS)

clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d)
