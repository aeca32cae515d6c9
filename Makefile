# SPDX-License-Identifier: ISC
# mailfrom: SRS, SES and SPF for mail servers.  `make help` lists the targets.

# The first heading of CHANGELOG.md: "## 1.2.3, 2026-12-31".
VERSION := $(shell sed -n '/^\#\# / { s/^\#\# \([^,]*\),.*/\1/p; q; }' \
                   CHANGELOG.md)
# Of the shared libraries; it changes with anything that callers see.
SOVERSION = 0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR    ?= $(PREFIX)/share/mailfrom
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
SYSCONFDIR ?= /etc

BUILD  ?= build
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
WERROR ?=

WARN = -Wall -Wextra -Wshadow -Wvla -Wconversion -Wswitch-enum \
       -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 $(WERROR)

CRYPTO_LIBS   = $(shell pkg-config --libs libcrypto)
LIBEVENT_LIBS = $(shell pkg-config --libs libevent_core)
HTTP_LIBS     = $(shell pkg-config --libs libevent_extra)
IDN2_LIBS     = $(shell pkg-config --libs libidn2)
CARES_LIBS    = $(shell pkg-config --libs libcares)
YAML_LIBS     = $(shell pkg-config --libs yaml-0.1)
SPF2_LIBS     = -lspf2
MILTER_LIBS   = -lmilter
# hiredis has TLS, of which its package says that, from 1.0 on.
REDIS_TLS     := $(shell pkg-config --exists hiredis_ssl && echo yes)
STORE_LIBS    = $(shell pkg-config --libs sqlite3 hiredis \
                        $(if $(REDIS_TLS),hiredis_ssl libssl libcrypto))
SPF_LIBS      = $(LIBEVENT_LIBS) $(CARES_LIBS) $(IDN2_LIBS)
CMOCKA_LIBS   = $(shell pkg-config --libs cmocka)
DEP_CFLAGS    = $(shell pkg-config --cflags libcrypto libevent_core \
                        libidn2 libcares yaml-0.1) \
                $(if $(REDIS_TLS),-DMAILFROM_REDIS_TLS)

COMPILE = $(CC) -std=c11 -D_DEFAULT_SOURCE -Iinclude -I. -pthread -MMD -MP $(WARN) \
          -DMAILFROM_VERSION='"$(VERSION)"' \
          -DMAILFROM_SYSCONFDIR='"$(SYSCONFDIR)"' \
          -DMAILFROM_LIBEXECDIR='"$(LIBEXECDIR)/mailfrom"' \
          $(DEP_CFLAGS) $(PIC) $(CPPFLAGS) $(CFLAGS)
LINK    = $(CC) -pthread $(CFLAGS) $(LDFLAGS)
comma   = ,
ARCHIVE = rm -f $@ && $(AR) rcs $@ $^

# --- what there is ----------------------------------------------------------

LIBSRS = alias key mailbox rrs ses srs stamp status
LIBSPF = answer cause compile eval eval_state header ip macro mechanisms name \
         record
LIBDKIM = body check crypto header key_record message names signature tags
LIBSPF_DNS = cache caller checks dnscursor dnshead dnsmsg dnsname flight leg \
             nameservers questions resolver rounds sender servers \
             system_servers tcp_link udp_port
LIBSPF_ENGINE = audit client engine guard helper helpers libspf2 opinion wire
COMMON = background conf conf_list configured daemon dial domain escape file \
         foreign_conf handover health ini items json_writer legacy_conf listen \
         listen_holder lists log log_conf log_line log_ring log_sink metrics \
         network notify privilege reply report resources shared similar \
         sockaddr source split watch
ACCESS = access action berkeley berkeley_btree berkeley_hash berkeley_pages \
         cdb change lint lint_key lmdb lookup map_name table text
SETTINGS = filter sections spf spfmilter srs srsd srsmilter store
STORE   = figures params queries reach redis redis_dialog redis_link redis_requests \
          redis_rows row_cache rows sqlite sqlite_rows \
          store store_url
REWRITE = gate legacy message_id policy rewriter rrs_domains rrs_rules \
          secret_file secret_memory secret_metrics secrets srs_domains
SPFCHECK = audit checker metrics records run settings
MILTER  = answer callbacks client config daemon events hosts orcpt origin path \
          received run session threads
SPFMILTER = authres authres_disguise config decide examination dkim_decide \
            dkim_mail dkim_results from_address header_fields identities \
            legacy mail_log metrics milter policyd policyd_answer policyd_conn \
            policyd_message policyd_request service session session_check \
            session_dkim session_header session_rrs
SRSMILTER = config forwarders mail_log metrics milter outgoing recipient \
            replay rows rrs_check rrs_findings service session session_eom
SRSD    = config conn conns control counts decision_log holders maps metrics \
          pending places protocol server shapes sockets worker
SRS     = ask batch commands explain job keygen main options
SPFQUERY = answer_copy canvas checks csv dns domains evaluator flatten \
           flatten_facts flatten_items flatten_pack flatten_view html_networks \
           html_tree html_view ipset jobs json json_record lint lint_classes \
           lint_dns lint_domain lint_errors lint_findings lint_hint lint_json \
           lint_networks lint_record lint_report lint_suggest lint_term \
           lint_witness lookup_report main must networks networks_report \
           networks_view options options_check plain reach reach_match \
           reach_questions reach_state recorder scope suite survey survey_term \
           trace trace_tree tree_view words
ZONE = yamlfile zone zone_entry
DKIMQUERY = keys main message options report trace
MAILFROM = arena convert $(CONVERT) $(DOCTOR) ending fill fingerprint merge \
           merge_bounces merge_generic merge_milters merge_policy merge_routes \
           merge_rrs merge_words plan setup setup_load setup_print site \
           site_expand site_load site_parse store store_import unmerge
CONVERT = convert_confuse convert_database convert_lines convert_plain convert_policy \
          convert_postsrsd1 convert_postsrsd2 convert_run convert_shell \
          convert_smf_spf convert_software convert_spf_engine \
          convert_spf_engine_policy
DOCTOR = doctor doctor_ask doctor_bounces doctor_cf doctor_daemons doctor_dns \
         doctor_domains doctor_findings doctor_forms doctor_judge doctor_map \
         doctor_milter doctor_own doctor_pass doctor_policy doctor_proof \
         doctor_prove doctor_resolve doctor_routes doctor_rrs doctor_run \
         doctor_sendmail doctor_settings doctor_smtp doctor_store \
         doctor_stranger doctor_tables doctor_uses
SPFPOLICY = answer ask lint main options

LIBSRS_A  = $(BUILD)/libsrs.a
LIBSPF_A  = $(BUILD)/libspf.a
LIBDKIM_A = $(BUILD)/libdkim.a
LIBSPF_DNS_A = $(BUILD)/libspf-dns.a
LIBSPF_ENGINE_A = $(BUILD)/libspf-engine.a
COMMON_A  = $(BUILD)/common.a
ACCESS_A  = $(BUILD)/access.a
SETTINGS_A = $(BUILD)/settings.a
STORE_A   = $(BUILD)/store.a
REWRITE_A = $(BUILD)/rewrite.a
SPFCHECK_A = $(BUILD)/spfcheck.a
MILTER_A  = $(BUILD)/milter.a
SRSD_A    = $(BUILD)/srsd.a
SPFMILTER_A = $(BUILD)/spfmilter.a
SRSMILTER_A = $(BUILD)/srsmilter.a
MAILFROM_A = $(BUILD)/mailfrom.a
ZONE_A = $(BUILD)/zone.a
# What programs of others link with: the archives, and three of them shared.
LIBRARIES = $(LIBSRS_A) $(LIBSPF_A) $(LIBDKIM_A) $(LIBSPF_DNS_A) \
            $(LIBSPF_ENGINE_A)
SHARED    = $(addprefix $(BUILD)/,libsrs.so.$(SOVERSION) \
            libspf.so.$(SOVERSION) libdkim.so.$(SOVERSION))
PROGRAMS  = $(BUILD)/srs $(BUILD)/srsd $(BUILD)/srsmilter $(BUILD)/spfmilter \
            $(BUILD)/spfquery $(BUILD)/spfpolicy $(BUILD)/dkimquery \
            $(BUILD)/mailfrom $(BUILD)/spf-libspf2

OBJ = $(BUILD)/obj

SOURCES = $(wildcard include/mailfrom/*.h $(foreach folder, access common \
          libdkim libspf libspf-dns libspf-engine libsrs milter rewrite \
          settings spfcheck spfmilter srsd srsmilter store tools/* tests/*, \
          $(folder)/*.h $(folder)/*.c))

.PHONY: all help tests unit-tests test check check-packages check-pages bench \
	soak lint asan tsan fuzz quickstart \
	coverage compile_commands.json install uninstall dist clean
all: $(PROGRAMS) $(LIBRARIES) $(SHARED)

help:
	@sed -n 's/^# make \([a-z_.-]*\): /  \1\t/p' Makefile | expand -t 26

# --- libraries and programs -------------------------------------------------

$(LIBSRS_A): $(LIBSRS:%=$(OBJ)/libsrs/%.o)
$(LIBSPF_A): $(LIBSPF:%=$(OBJ)/libspf/%.o)
$(LIBDKIM_A): $(LIBDKIM:%=$(OBJ)/libdkim/%.o)
$(LIBSPF_DNS_A): $(LIBSPF_DNS:%=$(OBJ)/libspf-dns/%.o)
$(LIBSPF_ENGINE_A): $(LIBSPF_ENGINE:%=$(OBJ)/libspf-engine/%.o)
$(COMMON_A): $(COMMON:%=$(OBJ)/common/%.o)
$(ACCESS_A): $(ACCESS:%=$(OBJ)/access/%.o)
$(SETTINGS_A): $(SETTINGS:%=$(OBJ)/settings/%.o)
$(STORE_A): $(STORE:%=$(OBJ)/store/%.o)
$(REWRITE_A): $(REWRITE:%=$(OBJ)/rewrite/%.o)
$(SPFCHECK_A): $(SPFCHECK:%=$(OBJ)/spfcheck/%.o)
$(MILTER_A): $(MILTER:%=$(OBJ)/milter/%.o)
$(SRSD_A): $(SRSD:%=$(OBJ)/srsd/%.o)
$(SPFMILTER_A): $(SPFMILTER:%=$(OBJ)/spfmilter/%.o)
$(SRSMILTER_A): $(SRSMILTER:%=$(OBJ)/srsmilter/%.o)
$(MAILFROM_A): $(MAILFROM:%=$(OBJ)/tools/mailfrom/%.o) $(OBJ)/samples.o
$(ZONE_A): $(ZONE:%=$(OBJ)/tools/zone/%.o)
$(LIBRARIES) $(ZONE_A) $(COMMON_A) $(ACCESS_A) $(SETTINGS_A) $(STORE_A) \
    $(REWRITE_A) $(SPFCHECK_A) \
    $(MILTER_A) $(SRSD_A) $(SPFMILTER_A) $(SRSMILTER_A) $(MAILFROM_A):
	$(ARCHIVE)

# The same objects serve archive and shared library.
$(LIBSRS:%=$(OBJ)/libsrs/%.o) $(LIBSPF:%=$(OBJ)/libspf/%.o) \
    $(LIBDKIM:%=$(OBJ)/libdkim/%.o): PIC = -fPIC
$(BUILD)/libsrs.so.$(SOVERSION): $(LIBSRS:%=$(OBJ)/libsrs/%.o)
	$(LINK) -shared -Wl,-soname,libsrs.so.$(SOVERSION) \
	    -Wl,--version-script=libsrs/libsrs.map -o $@ $^ $(CRYPTO_LIBS)
$(BUILD)/libspf.so.$(SOVERSION): $(LIBSPF:%=$(OBJ)/libspf/%.o)
	$(LINK) -shared -Wl,-soname,libspf.so.$(SOVERSION) \
	    -Wl,--version-script=libspf/libspf.map -o $@ $^ $(IDN2_LIBS)
$(BUILD)/libdkim.so.$(SOVERSION): $(LIBDKIM:%=$(OBJ)/libdkim/%.o)
	$(LINK) -shared -Wl,-soname,libdkim.so.$(SOVERSION) \
	    -Wl,--version-script=libdkim/libdkim.map -o $@ $^ $(CRYPTO_LIBS)

# `mailfrom setup` fills them in.
SAMPLES = $(addprefix etc/postfix/,cleanup.main.cf cleanup.master.cf \
          milter.main.cf milter.master.cf rrs.main.cf simple.main.cf \
          spf-policy.main.cf spfmilter.main.cf) \
          $(addprefix etc/sendmail/,mailfrom-srs.m4 mailfrom-srs.mc \
          rrs.aliases rrs-filter.mc rrs.mc spfmilter.mc srsmilter.aliases \
          srsmilter.mc \
          srsmilter.virtusertable)
$(OBJ)/samples.c: $(SAMPLES) scripts/embed
	@mkdir -p $(@D)
	scripts/embed $(SAMPLES) >$@.new && mv $@.new $@
$(OBJ)/samples.o: $(OBJ)/samples.c
	$(COMPILE) -c -o $@ $<

$(BUILD)/srs: $(SRS:%=$(OBJ)/tools/srs/%.o) $(REWRITE_A) $(SETTINGS_A) \
    $(COMMON_A) $(LIBSRS_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(IDN2_LIBS) $(LDLIBS)

$(BUILD)/mailfrom: $(OBJ)/tools/mailfrom/main.o $(MAILFROM_A) $(REWRITE_A) \
    $(STORE_A) $(SETTINGS_A) $(COMMON_A) $(LIBSRS_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(STORE_LIBS) $(SPF_LIBS) $(CRYPTO_LIBS) $(LDLIBS)

$(BUILD)/srsd: $(OBJ)/srsd/main.o $(SRSD_A) $(REWRITE_A) $(SPFCHECK_A) $(STORE_A) \
    $(SETTINGS_A) $(COMMON_A) $(LIBSRS_A) $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(HTTP_LIBS) $(SPF_LIBS) $(CRYPTO_LIBS) $(STORE_LIBS) $(LDLIBS)

# Daemons aren't linked with libspf2: a helper process runs it for them.
$(BUILD)/spfmilter: $(OBJ)/spfmilter/main.o $(SPFMILTER_A) $(ACCESS_A) $(MILTER_A) \
    $(REWRITE_A) $(SPFCHECK_A) $(SETTINGS_A) $(COMMON_A) \
    $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) $(LIBSPF_A) $(LIBDKIM_A)
	$(LINK) -o $@ $^ $(MILTER_LIBS) $(HTTP_LIBS) $(SPF_LIBS) $(CRYPTO_LIBS) \
	    $(LDLIBS)

$(BUILD)/srsmilter: $(OBJ)/srsmilter/main.o $(SRSMILTER_A) $(MILTER_A) \
    $(REWRITE_A) $(SPFCHECK_A) $(STORE_A) $(SETTINGS_A) $(COMMON_A) \
    $(LIBSRS_A) $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(MILTER_LIBS) $(HTTP_LIBS) $(SPF_LIBS) $(CRYPTO_LIBS) \
	    $(STORE_LIBS) $(LDLIBS)

$(BUILD)/spfquery: $(SPFQUERY:%=$(OBJ)/tools/spfquery/%.o) $(ZONE_A) $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) $(LIBSPF_A) $(COMMON_A)
	$(LINK) -o $@ $^ $(SPF2_LIBS) $(SPF_LIBS) $(YAML_LIBS) $(LDLIBS)

$(BUILD)/dkimquery: $(DKIMQUERY:%=$(OBJ)/tools/dkimquery/%.o) $(ZONE_A) \
    $(LIBSPF_DNS_A) $(LIBSPF_A) $(LIBDKIM_A) $(COMMON_A)
	$(LINK) -o $@ $^ $(SPF_LIBS) $(YAML_LIBS) $(CRYPTO_LIBS) $(LDLIBS)

$(BUILD)/spfpolicy: $(SPFPOLICY:%=$(OBJ)/tools/spfpolicy/%.o) $(ACCESS_A) $(SETTINGS_A) \
    $(COMMON_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(IDN2_LIBS) $(LDLIBS)

# The helper process that runs libspf2 for daemons, which aren't linked with it.
$(BUILD)/spf-libspf2: $(OBJ)/libspf-engine/helper_main.o $(LIBSPF_ENGINE_A) $(LIBSPF_A)
	$(LINK) -o $@ $^ $(SPF2_LIBS) $(IDN2_LIBS) $(LDLIBS)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# --- tests ------------------------------------------------------------------

export PYTHONPATH = $(CURDIR)/tests/lib

UNIT = access access_memory action alias authres bounds cache change check \
       conf configured conformance decide dkim dkim_decide dkim_memory dnsmsg \
       doctor engine escape fields file flatten gate guessing holders hosts \
       ini ipset items legacy libsrs lint listen lists log log_ring lookup \
       maps memory merge message_id metrics netstring orcpt outgoing path \
       policy policyd protocol reach received recipient replay reply rewriter \
       rows rrs scope secrets servers session session_memory shapes similar \
       site sockaddr spf_answer spf_eval spf_header spf_macro spf_memory \
       spf_property spf_record spfmilter_config spfmilter_memory \
       spfmilter_session srsmilter_config store table text
FUZZ = access_berkeley access_cdb access_lmdb access_text authres \
       convert_confuse convert_plain convert_shell dkim dnsmsg doctor_replies \
       engine_wire from_address ini log lookup orcpt path policyd protocol \
       received rrs_decode sender sendmail_cf ses_verify shapes site sockaddr \
       spf_eval spf_header spf_macro spf_record split srs_decode srs_session \
       store_url
SOAK = test_envelope_sendmail test_envelope_postfix test_rrs_sendmail \
       test_rrs_postfix test_spf_sendmail test_spf_postfix \
       test_policyd_postfix test_signed_sendmail test_signed_postfix \
       test_deploy_sendmail test_deploy_postfix
SITES = test_postfix_settings test_postfix_profiles test_sendmail_features
BENCH = access codec dkim echo flood load milter_load nothing_milter spf \
        spf_delay spf_dns

TEST_LIBS = $(MAILFROM_A) $(SRSD_A) $(SPFMILTER_A) $(SRSMILTER_A) $(MILTER_A) \
            $(REWRITE_A) $(SPFCHECK_A) $(STORE_A) $(SETTINGS_A) $(ACCESS_A) \
            $(COMMON_A) $(LIBSRS_A) $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) \
            $(LIBSPF_A) $(LIBDKIM_A)
FOREIGN_LIBS = $(CRYPTO_LIBS) $(HTTP_LIBS) $(SPF_LIBS) $(STORE_LIBS) \
               $(MILTER_LIBS) $(LDLIBS)

# make unit-tests: build the unit tests
unit-tests: $(UNIT:%=$(BUILD)/tests/unit/%)
tests: all unit-tests $(FUZZ:%=$(BUILD)/tests/fuzz/%) \
    $(addprefix $(BUILD)/tests/,check/driver resolver/driver store/driver headers/print \
    headers/authres \
    maps/reader milter/filter \
    engine/spf-libspf2-crashing engine/engine_suite engine/engine_lookups)

# Stand-ins for members of the archive come before it.
ENGINE_TEST = @mkdir -p $(@D) && $(LINK) -o $@ $^ $(SPF2_LIBS) $(IDN2_LIBS) \
              $(YAML_LIBS) $(LDLIBS)
$(BUILD)/tests/engine/spf-libspf2-crashing: $(OBJ)/libspf-engine/helper_main.o \
    $(OBJ)/tests/engine/crashing.o $(LIBSPF_ENGINE_A) $(LIBSPF_A)
	$(ENGINE_TEST)
$(BUILD)/tests/engine/engine_suite: $(OBJ)/tests/engine/engine_suite.o \
    $(ZONE_A) \
    $(LIBSPF_ENGINE_A) $(LIBSPF_A) $(COMMON_A)
	$(ENGINE_TEST)
$(BUILD)/tests/engine/engine_lookups: $(OBJ)/tests/engine/engine_lookups.o \
    $(OBJ)/tests/engine/unbounded.o $(LIBSPF_ENGINE_A) $(LIBSPF_A)
	$(ENGINE_TEST)
$(BUILD)/tests/unit/engine: $(OBJ)/tests/unit/engine.o $(LIBSPF_ENGINE_A) $(LIBSPF_A) | \
    $(BUILD)/spf-libspf2 $(BUILD)/tests/engine/spf-libspf2-crashing
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(CMOCKA_LIBS) $(SPF2_LIBS) $(IDN2_LIBS) $(LDLIBS)

# These are of a program, not of an archive.
$(BUILD)/tests/unit/ipset: $(OBJ)/tools/spfquery/ipset.o $(OBJ)/tools/spfquery/must.o
$(addprefix $(BUILD)/tests/unit/,flatten scope): $(addprefix \
    $(OBJ)/tools/spfquery/,answer_copy.o flatten.o flatten_facts.o \
    flatten_items.o flatten_pack.o ipset.o must.o scope.o survey.o \
    survey_term.o)
$(BUILD)/tests/unit/reach: $(addprefix $(OBJ)/tools/spfquery/,answer_copy.o \
    ipset.o lint_classes.o lint_dns.o lint_domain.o lint_errors.o lint_findings.o lint_hint.o \
    lint_networks.o lint_record.o lint_suggest.o lint_term.o lint_witness.o must.o reach.o \
    reach_match.o reach_questions.o reach_state.o survey.o survey_term.o)

$(BUILD)/tests/resolver/driver: $(OBJ)/tests/resolver/driver.o $(LIBSPF_DNS_A) \
    $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(SPF_LIBS) $(LDLIBS)
$(BUILD)/tests/maps/reader: $(OBJ)/tests/maps/reader.o $(ACCESS_A) $(COMMON_A) \
    $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(IDN2_LIBS) $(LDLIBS)
# As daemons are linked: not with libspf2.
$(BUILD)/tests/check/driver: $(OBJ)/tests/check/driver.o $(SPFCHECK_A) $(SETTINGS_A) $(COMMON_A) \
    $(LIBSPF_ENGINE_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(SPF_LIBS) $(LDLIBS)
$(BUILD)/tests/store/driver: $(OBJ)/tests/store/driver.o $(STORE_A) $(SETTINGS_A) \
    $(COMMON_A) $(LIBSPF_DNS_A) $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(STORE_LIBS) $(HTTP_LIBS) $(SPF_LIBS) $(LDLIBS)
$(BUILD)/tests/headers/print: $(OBJ)/tests/headers/print.o $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(IDN2_LIBS) $(LDLIBS)

$(BUILD)/tests/headers/authres: $(OBJ)/tests/headers/authres.o $(SPFMILTER_A) \
    $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(IDN2_LIBS) $(LDLIBS)

$(BUILD)/tests/milter/filter: $(OBJ)/tests/milter/filter.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(MILTER_LIBS) $(LDLIBS)

$(BUILD)/tests/unit/%: $(OBJ)/tests/unit/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(FOREIGN_LIBS)

# Allocations are made to fail one by one in these.
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
$(BUILD)/tests/unit/libsrs: LDFLAGS += $(subst $(comma)--wrap=realloc,,$(WRAP)) \
    -Wl,--wrap=CRYPTO_secure_zalloc,--wrap=CRYPTO_secure_clear_free
$(BUILD)/tests/unit/dkim_memory: LDFLAGS += $(WRAP) \
    -Wl,--wrap=EVP_MD_CTX_new,--wrap=EVP_PKEY_CTX_new
$(addprefix $(BUILD)/tests/unit/,access_memory memory session_memory \
    spf_memory spfmilter_memory store): LDFLAGS += $(WRAP)
$(BUILD)/tests/unit/lint: LDFLAGS += -Wl,--wrap=calloc
$(BUILD)/tests/unit/listen: LDFLAGS += -Wl,--wrap=bind
$(BUILD)/tests/resolver/driver: LDFLAGS += \
    $(subst $(comma)--wrap=free,$(comma)--wrap=clock_gettime,$(WRAP))

# Parsers whose steps are counted; they come before the archives' own.
BOUNDED = $(ACCESS:%=access/%) common/ini libspf/compile libspf/macro \
          libspf/record milter/received spfmilter/authres \
          spfmilter/authres_disguise
$(OBJ)/steps/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -U_FORTIFY_SOURCE -fno-builtin -fsanitize-coverage=trace-pc \
	    -c -o $@ $<
$(BUILD)/tests/unit/bounds: $(BOUNDED:%=$(OBJ)/steps/%.o)
$(BUILD)/tests/unit/bounds: \
    LDFLAGS += -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memcmp,--wrap=memchr

# A fuzz target with a driver that replays its corpus, and mutations of it.
$(BUILD)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/replay.o $(TEST_LIBS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(FOREIGN_LIBS)

# The same under libFuzzer.
$(BUILD)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(FOREIGN_LIBS) -fsanitize=fuzzer

$(BUILD)/bench/spf_dns: $(OBJ)/tests/bench/spf_dns.o $(LIBSPF_DNS_A) $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(SPF2_LIBS) $(SPF_LIBS) $(LDLIBS)
$(BUILD)/bench/access: $(OBJ)/tests/bench/access.o $(SPFMILTER_A) $(ACCESS_A) \
    $(MILTER_A) $(COMMON_A) $(LIBSPF_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(IDN2_LIBS) $(LDLIBS)
$(BUILD)/bench/milter_load: $(addprefix $(OBJ)/tests/bench/,milter_load.o \
    milter_steps.o)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LDLIBS)
$(BUILD)/bench/nothing_milter: $(OBJ)/tests/bench/nothing_milter.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(MILTER_LIBS) $(LDLIBS)
$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(LIBSRS_A) $(LIBSPF_A) $(LIBDKIM_A)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(IDN2_LIBS) $(LDLIBS)

# make bench: how fast it is, beside its peers
bench: all $(BENCH:%=$(BUILD)/bench/%)
	@BUILD=$(BUILD) tests/bench/run.py
	@BUILD=$(BUILD) tests/bench/spf_dns.py
	@BUILD=$(BUILD) tests/bench/milter.py
	@BUILD=$(BUILD) tests/bench/store.py
	@BUILD=$(BUILD) tests/bench/policy.py

# make fuzz: each fuzz target under libFuzzer for FUZZ_SEC seconds (clang)
FUZZ_SEC ?= 60
FUZZ_FLAGS = -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
             -fno-sanitize-recover=all
fuzz:
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/libfuzzer \
	    CFLAGS='$(FUZZ_FLAGS)' $(FUZZ:%=$(BUILD)/libfuzzer/fuzz/%)
	@for t in $(FUZZ); do \
	    echo "== $$t"; mkdir -p $(BUILD)/libfuzzer/corpus/$$t; \
	    $(BUILD)/libfuzzer/fuzz/$$t -max_total_time=$(FUZZ_SEC) \
	        -print_final_stats=1 -artifact_prefix=$(BUILD)/libfuzzer/ \
	        $(BUILD)/libfuzzer/corpus/$$t tests/fuzz/corpus/$$t || exit 1; \
	done

# make test: build the tests and run them all; installs nothing
test: tests
	@tests/run

# make check: install what the tests need, and run them all
check:
	@scripts/deps test
	@$(MAKE) --no-print-directory test

# make check-pages: spfquery's pages in headless Chromium, which is installed
check-pages: $(BUILD)/spfquery
	@scripts/deps pages
	@BUILD=$(BUILD) tests/run tests/spfquery/check_pages.py

# make soak: SOAK_MESSAGES messages through each MTA, while what they need fails
# As many forms of senders and recipients, too: SOAK_SEED repeats those of a run.
SOAK_MESSAGES ?= 10000
# Faults, each with FAULT_SCALE times the messages of `make check`.  And
# SOAK_SECONDS of mixed traffic: memory, descriptors and threads mustn't grow.
SOAK_SESSIONS ?= 64
FAULT_SCALE ?= 10
SOAK_SECONDS ?= 1800
# What lint says of so many random zones, by the evaluator; of 2,000, by peers.
SOAK_ZONES ?= 2000000
soak:
	@scripts/deps test
	@$(MAKE) --no-print-directory tests \
	    $(BUILD)/bench/load $(BUILD)/bench/milter_load
	@BUILD=$(BUILD) SOAK_SECONDS=$(SOAK_SECONDS) tests/bench/soak.py
	@LINT_PROPERTY_ZONES=$(SOAK_ZONES) $(BUILD)/tests/unit/reach
	@MAILFROM_REQUIRE_ALL=1 BUILD=$(BUILD) LINT_ORACLE_ZONES=2000 \
	    tests/oracle/test_lint.py
	@for mta in sendmail postfix srsd_sendmail srsd_postfix; do \
	    MAILFROM_REQUIRE_ALL=1 FAULT_SCALE=$(FAULT_SCALE) \
	    tests/e2e/test_faults_$$mta.py || exit 1; \
	done
	@echo "== test_fleet"; MAILFROM_REQUIRE_ALL=1 \
	    FLEET_MESSAGES=$$(($(SOAK_MESSAGES) / 3)) tests/e2e/test_fleet.py
	@for test in $(SITES); do echo "== $$test"; \
	    MAILFROM_REQUIRE_ALL=1 tests/sites/$$test.py soak: || exit 1; \
	done
	@for test in $(SOAK); do echo "== $$test"; \
	    MAILFROM_REQUIRE_ALL=1 SOAK_MESSAGES=$(SOAK_MESSAGES) \
	    SOAK_SESSIONS=$(SOAK_SESSIONS) tests/e2e/$$test.py soak: || exit 1; \
	done

# make asan: the tests under the address and undefined-behaviour sanitizers
# make tsan: the tests under the thread sanitizer
SANITIZE = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
asan: CHECK_FLAGS = BUILD=$(BUILD)/asan \
    CFLAGS='$(SANITIZE) -fsanitize=address,undefined'
tsan: CHECK_FLAGS = BUILD=$(BUILD)/tsan CFLAGS='$(SANITIZE) -fsanitize=thread'
asan tsan:
	@scripts/deps test
	@$(MAKE) --no-print-directory $(CHECK_FLAGS) tests
	@BUILD=$(BUILD)/$@ PEERS=$(BUILD)/peers \
	    TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp tests/run

# make lint: what compilers and formatters have to say, and musl's headers
lint:
	clang-format --dry-run -Werror $(SOURCES)
	clang-tidy --quiet $(filter-out tests/%,$(filter %.c,$(SOURCES))) -- \
	    -std=c11 \
	    -D_DEFAULT_SOURCE -Iinclude -I. -DMAILFROM_VERSION='""' \
	    -DMAILFROM_SYSCONFDIR='""' -DMAILFROM_LIBEXECDIR='""'
	cppcheck --quiet --error-exitcode=1 --inline-suppr -Iinclude -I. \
	    --suppress=missingIncludeSystem $(filter %.c,$(SOURCES))
	scripts/musl-syntax $(filter %.c,$(SOURCES))

# Counts are files that daemons must be able to write when they aren't root.
# make coverage: what of each file the tests run (gcc; TESTS=... runs these)
TESTS ?=
coverage:
	@scripts/deps test
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/coverage \
	    CFLAGS='-O0 -g --coverage -fprofile-update=prefer-atomic' tests
	@find $(BUILD)/coverage -name '*.gcno' | sed 's/gcno$$/gcda/' | \
	    while read -r counts; do : >"$$counts"; chmod a+rw "$$counts"; done
	@status=0; BUILD=$(BUILD)/coverage PEERS=$(BUILD)/peers \
	    tests/run $(TESTS) || status=$$?; \
	find $(BUILD)/coverage -name '*.gcda' -empty -delete; \
	scripts/coverage $(BUILD)/coverage && exit $$status

# make compile_commands.json: how each file is compiled, for clangd and others
compile_commands.json:
	@$(MAKE) --no-print-directory -nB tests $(BENCH:%=$(BUILD)/bench/%) | \
	    scripts/compile-commands >$@.new && mv $@.new $@

# make quickstart: install what a build needs, build, and show it working
quickstart:
	@scripts/deps build
	@$(MAKE) --no-print-directory all
	@scripts/quickstart

# --- installing -------------------------------------------------------------

FILL = sed -e 's,@PREFIX@,$(PREFIX),g' -e 's,@SBINDIR@,$(SBINDIR),g' \
           -e 's,@LIBDIR@,$(LIBDIR),g' -e 's,@INCLUDEDIR@,$(INCLUDEDIR),g' \
           -e 's,@VERSION@,$(VERSION),g'
BIN  = mailfrom srs spfquery spfpolicy dkimquery
SBIN = srsd srsmilter spfmilter
PKGCONFIG = libsrs libspf libdkim libspf-dns libspf-engine

# make install: programs, libraries, manual and samples below PREFIX and DESTDIR
install: all
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(SBINDIR) \
	    $(LIBDIR)/pkgconfig $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR) \
	    $(DATADIR) \
	    $(INCLUDEDIR)/mailfrom $(LIBEXECDIR)/mailfrom)
	install -m 0755 $(BIN:%=$(BUILD)/%) $(DESTDIR)$(BINDIR)
	install -m 0755 $(SBIN:%=$(BUILD)/%) $(DESTDIR)$(SBINDIR)
	install -m 0755 $(BUILD)/spf-libspf2 $(DESTDIR)$(LIBEXECDIR)/mailfrom
	install -m 0644 $(LIBRARIES) $(SHARED) $(DESTDIR)$(LIBDIR)
	for so in $(notdir $(SHARED)); do \
	    ln -sf $$so $(DESTDIR)$(LIBDIR)/$${so%.$(SOVERSION)}; done
	install -m 0644 include/mailfrom/*.h $(DESTDIR)$(INCLUDEDIR)/mailfrom
	for pc in $(PKGCONFIG); do $(FILL) $$pc/$$pc.pc.in \
	    >$(DESTDIR)$(LIBDIR)/pkgconfig/$$pc.pc || exit 1; done
	for page in man/*.[1-8]; do \
	    install -D -m 0644 $$page \
	        $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page#man/}; done
	cp -R etc/sendmail etc/postfix etc/rrs $(DESTDIR)$(DATADIR)/
	$(BUILD)/srsd --print-config >$(DESTDIR)$(DATADIR)/mailfrom.conf
	install -m 0644 etc/systemd/mailfrom.sysusers \
	    $(DESTDIR)$(SYSUSERSDIR)/mailfrom.conf
	install -m 0644 etc/systemd/mailfrom.tmpfiles \
	    $(DESTDIR)$(TMPFILESDIR)/mailfrom.conf
	for unit in srsd srsmilter spfmilter; do $(FILL) etc/systemd/$$unit.service \
	    >$(DESTDIR)$(UNITDIR)/$$unit.service || exit 1; \
	    install -m 0644 etc/systemd/$$unit.socket $(DESTDIR)$(UNITDIR); done
	install -m 0644 etc/systemd/spfmilter-policy.socket $(DESTDIR)$(UNITDIR)

# make uninstall: remove what install has put there
uninstall:
	rm -f $(BIN:%=$(DESTDIR)$(BINDIR)/%) $(SBIN:%=$(DESTDIR)$(SBINDIR)/%) \
	    $(addprefix $(DESTDIR)$(LIBDIR)/,$(notdir $(LIBRARIES) $(SHARED) \
	    $(SHARED:%.$(SOVERSION)=%)) $(PKGCONFIG:%=pkgconfig/%.pc)) \
	    $(DESTDIR)$(SYSUSERSDIR)/mailfrom.conf \
	    $(DESTDIR)$(TMPFILESDIR)/mailfrom.conf
	for unit in srsd srsmilter spfmilter; do \
	    rm -f $(DESTDIR)$(UNITDIR)/$$unit.service \
	    $(DESTDIR)$(UNITDIR)/$$unit.socket; done
	rm -f $(DESTDIR)$(UNITDIR)/spfmilter-policy.socket
	for page in man/*.[1-8]; do \
	    rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page#man/}; done
	rm -rf $(DESTDIR)$(LIBEXECDIR)/mailfrom $(DESTDIR)$(DATADIR) \
	    $(DESTDIR)$(INCLUDEDIR)/mailfrom

# make dist: a source archive of what is committed, with its checksum
DISTDIR ?= .
DIST    = mailfrom-$(VERSION)
dist:
	@mkdir -p $(BUILD) $(DISTDIR)
	$(FILL) etc/rpm/mailfrom.spec.in >$(BUILD)/mailfrom.spec
	git archive --prefix=$(DIST)/ --add-file=$(BUILD)/mailfrom.spec \
	    -o $(DISTDIR)/$(DIST).tar.gz HEAD
	cd $(DISTDIR) && sha256sum $(DIST).tar.gz >$(DIST).tar.gz.sha256

# make check-packages: build Debian's packages in bare systems, install and use them
check-packages:
	@scripts/deps packages
	@MAILFROM_REQUIRE_ALL=1 tests/run tests/packages/test_*.py

# make clean: remove what was built, and what tests have fetched
clean:
	rm -rf $(BUILD)

-include $(wildcard $(OBJ)/*.d $(OBJ)/*/*.d $(OBJ)/*/*/*.d)
