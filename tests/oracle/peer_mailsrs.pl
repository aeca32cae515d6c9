# SPDX-License-Identifier: ISC
# Mail::SRS as a server on stdin and stdout, its clock stopped.
# Arguments, requests and replies are those of peer_pysrs.py.
use strict;
use warnings;

my $now;
BEGIN {
	my $directory = shift @ARGV;
	unshift @INC, $directory;
	$now = shift @ARGV;
	no warnings 'once';
	*CORE::GLOBAL::time = sub () { $now };
}
use Mail::SRS;

sub unhex { my ($word) = @_; $word eq '-' ? '' : pack('H*', $word) }

my ($length, $least, $separator, $max_age, $always, @secrets) = @ARGV;
my $srs = Mail::SRS->new(
	Secret => [map { unhex($_) } @secrets], MaxAge => $max_age,
	HashLength => $length, HashMin => $least, Separator => $separator,
	AlwaysRewrite => $always);
my %verbs = (
	forward => sub { $srs->forward(@_) },
	reverse => sub { $srs->reverse(@_) });

$SIG{__WARN__} = sub { };	# "someone smashed case"
$| = 1;
binmode STDIN;
while (my $line = <STDIN>) {
	my ($verb, @arguments) = split ' ', $line;
	my $result = eval { $verbs{$verb}->(map { unhex($_) } @arguments) };
	if (defined $result) {
		my $hex = unpack('H*', $result);
		print 'ok ', length $hex ? $hex : '-', "\n";
	} else {
		my $reason = $@ || 'undefined';
		$reason =~ s/[^ -~]/?/g;
		print "no $reason\n";
	}
}
