# SPDX-License-Identifier: ISC
# Mail::DKIM, a line of JSON for each line of JSON, as dkim_peer_dkimpy.py has them.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Mail::DKIM::DNS;
use Net::DNS;

my %zone;
{
	no warnings 'redefine';
	*Mail::DKIM::DNS::query = sub {
		my ($name, $type) = @_;
		my $texts = $zone{lc $name} or return;
		return Net::DNS::RR->new(owner => $name, type => 'TXT',
		    txtdata => [ map { unpack('(a255)*', $_) } @$texts ]);
	};
}

sub verify {
	my ($job, $message) = @_;
	%zone = map { lc $_ => $job->{zone}{$_} } keys %{ $job->{zone} };
	my $check = Mail::DKIM::Verifier->new();
	$check->PRINT($message);
	$check->CLOSE;
	return [ map { ($_->result // '') eq 'pass' ? 'pass' : 'fail' }
	    grep { ref($_) ne 'Mail::DKIM::DkSignature' } $check->signatures ];
}

sub sign {
	my ($job, $message) = @_;
	my $key = Mail::DKIM::PrivateKey->load(File => $job->{path});
	my $signer = Mail::DKIM::Signer->new(Algorithm => $job->{options}{a},
	    Method => $job->{options}{c}, Domain => 'example.org',
	    Selector => 'sel', Key => $key);
	$signer->PRINT($message);
	$signer->CLOSE;
	my $field = $signer->signature->as_string;
	$field =~ s/\r?\n/\r\n/g;
	return encode_base64("$field\r\n", '');
}

$| = 1;
print encode_json(["Mail::DKIM $Mail::DKIM::VERSION"]), "\n";
while (my $line = <STDIN>) {
	my $job = decode_json($line);
	my $message = decode_base64($job->{message});
	my $done = eval {
		$job->{key} ? sign($job, $message) : verify($job, $message);
	};
	print JSON::PP->new->allow_nonref->encode($done // []), "\n";
}
