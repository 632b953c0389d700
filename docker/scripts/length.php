<?php
// Answers with the number of bytes of the content, CONTENT_LENGTH, and the SHA-1 of the content:
//   length: 3
//   announced: 3
//   sha1: a9993e364706816aba3e25717850c26c9cd0d89d
$length = 0;
$hash = hash_init('sha1');
$input = fopen('php://input', 'rb');
while (!feof($input)) {
    $piece = fread($input, 65536);
    $length += strlen($piece);
    hash_update($hash, $piece);
}

header('Content-Type: text/plain');
echo 'length: ', $length, "\n";
echo 'announced: ', isset($_SERVER['CONTENT_LENGTH']) ? $_SERVER['CONTENT_LENGTH'] : '-', "\n";
echo 'sha1: ', hash_final($hash), "\n";
