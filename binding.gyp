# The same two addons as CMakeLists.txt, for node-gyp: the way where there is no CMake. Sources and paths come from the same scripts.
{
  'variables': {
    'libtorch%': '<!(node scripts/find-libtorch.mjs)',
  },
  'target_defaults': {
    # NDEBUG changes what libtorch's headers compile to: as CMake's Release.
    'configurations': { 'Release': { 'defines': ['NDEBUG'] } },
    'defines': ['NAPI_EXPERIMENTAL'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++20', '-fexceptions', '-frtti', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-Wall', '-Wextra', '-Wno-unused-parameter'],
    'xcode_settings': {
      'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_ENABLE_CPP_RTTI': 'YES',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'MACOSX_DEPLOYMENT_TARGET': '14.0',
    },
    'msvs_settings': {
      'VCCLCompilerTool': {
        'ExceptionHandling': 1,
        'RuntimeTypeInfo': 'true',
        'RuntimeLibrary': 2,
        'AdditionalOptions': ['/std:c++20', '/utf-8', '/bigobj'],
      },
    },
  },
  'targets': [
    {
      'target_name': 'torchlayers_loader',
      'sources': ['native/loader.cc'],
      'conditions': [['OS=="linux"', { 'libraries': ['-ldl'] }]],
    },
    {
      'target_name': 'torchlayers',
      'sources': ['<!@(node scripts/native-sources.mjs addon)'],
      'defines': ['AT_PER_OPERATOR_HEADERS', 'TORCHLAYERS_BUILD_FLAGS="node-gyp Release"'],
      'include_dirs': ['native', '<!(node -p "require(\'node-addon-api\').include_dir")'],
      'conditions': [
        ['OS!="win"', {
          'cflags_cc': ['-fno-math-errno', '-isystem<(libtorch)/include', '-isystem<(libtorch)/include/torch/csrc/api/include'],
          'libraries': ['-L<(libtorch)/lib', '-ltorch_cpu', '-lc10'],
        }],
        ['OS=="linux"', {
          # As in CMakeLists.txt: libgomp is the copy that libtorch has loaded, so it is not linked.
          'cflags_cc': ['-fopenmp'],
          'ldflags': ['-Wl,-rpath,\\$$ORIGIN/../libtorch-linux-<(target_arch)-gnu/lib'],
        }],
        ['OS=="mac"', {
          'xcode_settings': {
            'OTHER_CPLUSPLUSFLAGS': ['-Xpreprocessor', '-fopenmp', '-fno-math-errno', '-isystem<(libtorch)/include', '-isystem<(libtorch)/include/torch/csrc/api/include'],
            'OTHER_LDFLAGS': ['-Wl,-rpath,@loader_path/../libtorch-darwin-<(target_arch)/lib'],
          },
        }],
        ['OS=="win"', {
          'include_dirs': ['<(libtorch)/include', '<(libtorch)/include/torch/csrc/api/include'],
          'defines': ['NOMINMAX', '_USE_MATH_DEFINES'],
          'libraries': ['<(libtorch)/lib/torch_cpu.lib', '<(libtorch)/lib/c10.lib'],
          'msvs_settings': {
            'VCCLCompilerTool': { 'AdditionalOptions': ['/openmp:experimental', '/wd4251', '/wd4275'] },
          },
        }],
      ],
    },
  ],
}
