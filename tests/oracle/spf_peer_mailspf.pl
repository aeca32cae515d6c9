# SPDX-License-Identifier: ISC
# Mail::SPF behind a line protocol: it says its version, then for a JSON object
# with zone and questions a line, a list of [result, explanation, problem] each.
use strict;
use warnings;
use JSON::PP;
use Net::DNS;
use Mail::SPF;

package Zone;

sub new { return bless {zone => {}, error => ''}, shift }

sub errorstring { return $_[0]{error} }

sub rr {
	my ($name, $kind, $record) = @_;
	my @data =
	      $kind eq 'TXT'   ? (txtdata => $record)
	    : $kind eq 'MX'    ? (preference => $record->[0], exchange => $record->[1])
	    : $kind eq 'PTR'   ? (ptrdname => $record)
	    : $kind eq 'CNAME' ? (cname => $record)
	    :                    (address => $record);
	return Net::DNS::RR->new(name => $name, type => $kind, ttl => 60, @data);
}

# As a resolver answers.
sub send {
	my ($self, $name, $kind) = @_;
	my $packet = Net::DNS::Packet->new($name, $kind);
	my $at = lc($name);

	$self->{error} = '';
	$at =~ s/\.$//;
	for my $alias (1 .. 9) {
		my $entry = $self->{zone}{$at};
		if (!defined $entry) {
			$packet->header->rcode('NXDOMAIN');
			return $packet;
		}
		if (!exists $entry->{CNAME}) {
			if (exists $entry->{$kind} && !defined $entry->{$kind}) {
				$packet->header->rcode('SERVFAIL');
				return $packet;
			}
			$packet->push(answer => rr($at, $kind, $_))
			    for @{$entry->{$kind} || []};
			return $packet;
		}
		my $target = $entry->{CNAME}[0];
		$packet->push(answer => rr($at, 'CNAME', $target));
		$at = lc($target);
	}
	$packet->header->rcode('SERVFAIL');
	return $packet;
}

package main;

my $json = JSON::PP->new->utf8->allow_nonref;
my $zone = Zone->new;
my $server = Mail::SPF::Server->new(
	dns_resolver => $zone,
	query_rr_types => Mail::SPF::Server->query_rr_type_txt,
	default_authority_explanation => 'DEFAULT',
	hostname => 'here.test');

sub check {
	my ($client, $sender, $helo) = @_;
	my $result = $server->process(Mail::SPF::Request->new(
		versions => [1],
		scope => 'mfrom',
		identity => $sender,
		ip_address => $client,
		helo_identity => $helo));
	my $code = $result->code;
	return [$code, $code eq 'fail' ? '' . $result->authority_explanation : '',
	    $code =~ /error/ ? '' . $result->text : ''];
}

open(my $out, '>&', \*STDOUT) or die;
open(STDOUT, '>&', \*STDERR) or die;
$out->autoflush(1);
print $out $json->encode("$Mail::SPF::VERSION"), "\n";
while (my $line = <STDIN>) {
	my $job = $json->decode($line);
	my @answers;
	$zone->{zone} = $job->{zone};
	for my $question (@{$job->{questions}}) {
		my $answer = eval { check(@$question) };
		push @answers, $answer || ['crash', '', "$@"];
	}
	print $out $json->encode(\@answers), "\n";
}
